import { TagRequest } from '@sluice/shared/api/litellm/tag.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changedBy } from '../../../tenancy/history.ts';
import { askedBudgetOf, budgetRefusalOf, changeBudget, dropOwnBudgets } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagNotFound } from '../refusals.ts';
import { tagChange } from './audited-tag.ts';
import { withBudget, withTag } from './change-tag.ts';
import { tagChangesOf } from './tag-changes.ts';
import { tagRowOf } from './tag-rows.ts';

/** POST /tag/update. Changes only what the body names. */
export function tagUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(TagRequest, req.body);
    const changes = tagChangesOf(request, req.body, { isNew: false });
    const asked = askedBudgetOf(request, deps);

    const { name } = request;
    const updated = await withTag(deps, req, { authenticated, name }, async (tag, work) => {
      const { sql, tenancy, record, by } = work;
      const before = await withBudget(tag, tenancy);
      const holder = { kind: 'tag', id: name, budgetId: tag.budgetId } as const;
      const budgetId = await changeBudget(holder, asked, work);
      const values = { ...changes, budgetId, ...changedBy(by) };
      const after = await tenancy.tags.update([name], values);
      if (after === null) throw tagNotFound([name]);
      if ('violated' in after) throw budgetRefusalOf(after.violated, budgetId);
      if (after.budgetId !== tag.budgetId) await dropOwnBudgets(sql, [holder]);
      await record(tagChange('updated', { before, after: await withBudget(after, tenancy) }));
      return after;
    });
    res.json({ message: `Tag ${name} updated successfully`, tag: await tagRowOf(updated, deps) });
  };
}
