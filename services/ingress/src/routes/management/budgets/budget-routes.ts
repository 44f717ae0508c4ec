import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { budgetDelete } from './budget-delete.ts';
import { budgetInfo, budgetList, budgetSettings } from './budget-info.ts';
import { budgetNew } from './budget-new.ts';
import { budgetUpdate } from './budget-update.ts';

/** The endpoints for budgets; contract §3.5. */
export function budgetRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/budget/new', handler: budgetNew(deps) },
    { method: 'post', path: '/budget/update', handler: budgetUpdate(deps) },
    { method: 'post', path: '/budget/info', handler: budgetInfo(deps) },
    { method: 'get', path: '/budget/list', handler: budgetList(deps) },
    { method: 'get', path: '/budget/settings', handler: budgetSettings(deps) },
    { method: 'post', path: '/budget/delete', handler: budgetDelete(deps) },
  ];
}
