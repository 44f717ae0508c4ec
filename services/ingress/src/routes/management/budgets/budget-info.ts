import { BudgetInfoRequest, BudgetQuery } from '@sluice/shared/api/litellm/budget.ts';
import type { LimitInfo } from '@sluice/shared/api/litellm/limits.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody, parseQuery } from '../../../http/parse-body.ts';
import { atMost } from '../../spend/truncated.ts';
import { budgetRowOf } from '../budget-row.ts';
import { limitInfoOf } from '../limit-info.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { budgetNotFound } from '../refusals.ts';

/** In one answer of /budget/list; the newest are left out, and a header says so. */
const budgetsMax = 5_000;

/** POST /budget/info. Those that are named, in that order. */
export function budgetInfo({ authenticate, tenancy, now, windows }: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const { budgets: ids } = parseManagementBody(BudgetInfoRequest, req.body);
    const found = await tenancy.budgets.all({ where: { budgetId: ids } }, ids.length);
    const byId = new Map(found.map((budget) => [budget.budgetId, budget]));
    const asked = ids.map((id) => {
      const budget = byId.get(id);
      if (budget === undefined) throw budgetNotFound(id);
      return budget;
    });
    res.json(asked.map((budget) => budgetRowOf(budget, now(), windows)));
  };
}

/** GET /budget/list. Also those that are one holder's own. */
export function budgetList({ authenticate, tenancy, now, windows }: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const budgets = atMost(budgetsMax, await tenancy.budgets.all({}, budgetsMax + 1), res);
    res.json(budgets.map((budget) => budgetRowOf(budget, now(), windows)));
  };
}

/** GET /budget/settings. Each of its fields by itself, as LiteLLM's console shows them. */
export function budgetSettings({ authenticate, tenancy, now, windows }: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const { budget_id: id } = parseQuery(BudgetQuery, req.query);
    const budget = await tenancy.budgets.find(id);
    if (budget === null) throw budgetNotFound(id);
    const info = limitInfoOf(budget, now(), windows);
    res.json(
      settings.map(({ name, type, description }) => ({
        field_name: name,
        field_type: type,
        field_description: description,
        field_value: info[name],
        stored_in_db: info[name] !== null,
        field_default_value: null,
      })),
    );
  };
}

const settings: readonly { readonly name: keyof LimitInfo; readonly type: string; readonly description: string }[] = [
  { name: 'max_budget', type: 'Float', description: 'USD after which requests are refused.' },
  { name: 'soft_budget', type: 'Float', description: 'USD after which an alert is raised.' },
  { name: 'max_parallel_requests', type: 'Integer', description: 'Requests at the same time.' },
  { name: 'tpm_limit', type: 'Integer', description: 'Tokens per minute.' },
  { name: 'rpm_limit', type: 'Integer', description: 'Requests per minute.' },
  { name: 'budget_duration', type: 'String', description: 'How long a budget is for, for example 30d.' },
  { name: 'max_token_budget', type: 'Integer', description: 'Tokens after which requests are refused.' },
];
