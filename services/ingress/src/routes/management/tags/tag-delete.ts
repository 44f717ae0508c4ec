import { TagNamed } from '@sluice/shared/api/litellm/tag.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { dropOwnBudgets } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagChange } from './audited-tag.ts';
import { withBudget, withTag } from './change-tag.ts';

/** POST /tag/delete. Requests may go on to carry it, and nothing limits it; what was spent stays in the books. */
export function tagDelete(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { name } = parseManagementBody(TagNamed, req.body);
    await withTag(deps, req, { authenticated, name }, async (tag, { sql, tenancy, record }) => {
      const before = await withBudget(tag, tenancy);
      await tenancy.tags.delete({ name });
      await dropOwnBudgets(sql, [{ kind: 'tag', id: name, budgetId: tag.budgetId }]);
      await record(tagChange('deleted', { before, after: null }));
    });
    res.json({ message: `Tag ${name} deleted successfully` });
  };
}
