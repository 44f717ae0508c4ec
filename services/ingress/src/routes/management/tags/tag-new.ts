import { TagRequest } from '@sluice/shared/api/litellm/tag.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { countTags } from '../../../sql/count-tags.ts';
import { tagsMax } from '../../../sql/find-tags.ts';
import { madeBy } from '../../../tenancy/history.ts';
import { withChanges } from '../change-work.ts';
import { askedBudgetOf, budgetRefusalOf, changeBudget } from '../holder-budget.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagChange } from './audited-tag.ts';
import { withBudget } from './change-tag.ts';
import { tagChangesOf } from './tag-changes.ts';
import { tagRowOf } from './tag-rows.ts';

/** POST /tag/new. From then on what requests cost that carry it is limited by its budget. */
export function tagNew(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(TagRequest, req.body);
    const values = tagChangesOf(request, req.body, { isNew: true });
    const asked = askedBudgetOf(request, deps);

    const tag = await withChanges(deps, req, authenticated, async ({ sql, tenancy, record, by }) => {
      const known = await countTags(sql);
      if ((await tenancy.tags.find(request.name)) !== null) throw tagTaken(request.name);
      if (known >= tagsMax) throw tooMany();
      const budgetId = await changeBudget({ kind: 'tag', id: request.name, budgetId: null }, asked, { tenancy, by });
      const made = {
        name: request.name,
        description: null,
        models: [],
        ...values,
        budgetId,
        ...madeBy(by),
      };
      const stored = await tenancy.tags.insert(made);
      if (stored !== 'inserted') throw budgetRefusalOf(stored.violated, budgetId);
      await record(tagChange('created', { before: null, after: await withBudget(made, tenancy) }));
      return made;
    });
    res.json({ message: `Tag ${tag.name} created successfully`, tag: await tagRowOf(tag, deps) });
  };
}

function tagTaken(name: string): GatewayError {
  return new GatewayError('already_exists', `Tag ${name} already exists`, { param: 'name' });
}

/** Every ingress keeps all of them in memory. */
function tooMany(): GatewayError {
  return refusal(
    'name',
    `There are ${tagsMax} tags, and there can be no more: delete one that is not used any longer.`,
  );
}
