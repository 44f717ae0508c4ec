import type { RequestHandler } from 'express';
import { globalActivityExceptions, globalActivityExceptionsDeployment } from './activity-exceptions.ts';
import { globalActivity, globalActivityCacheHits, globalActivityModel } from './activity.ts';
import { costEstimate } from './cost-estimate.ts';
import { aggregatedActivity, dailyActivity } from './daily-activity.ts';
import { globalSpendReport } from './global-spend-report.ts';
import { globalSpendTeams } from './global-spend-teams.ts';
import { globalSpend } from './global-spend.ts';
import { allEndUsers, allTagNames } from './known-names.ts';
import { providerBudgets } from './provider-budgets.ts';
import { spendCalculate } from './spend-calculate.ts';
import type { SpendDeps } from './spend-deps.ts';
import { spendExport } from './spend-export.ts';
import { spendKeys } from './spend-keys.ts';
import { spendLogsPage } from './spend-logs-page.ts';
import { spendLogs } from './spend-logs.ts';
import { spendReconciliation } from './spend-reconciliation.ts';
import { globalSpendReset } from './spend-reset.ts';
import { spendUsers } from './spend-users.ts';
import { tagDau, tagDistinct, tagMau, tagSummary, tagWau } from './tag-activity.ts';
import {
  globalSpendEndUsers,
  globalSpendKeys,
  globalSpendLogs,
  globalSpendModels,
  globalSpendProvider,
  globalSpendTags,
  spendTags,
} from './top-spenders.ts';

export interface SpendRoute {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly handler: RequestHandler;
}

/** Everything that answers about spend; contract §4.3–§4.7, and the export. docs/spend.md has a line for each. */
export function spendRoutes(deps: SpendDeps): readonly SpendRoute[] {
  return table.map(([method, path, create]) => ({ method, path, handler: create(deps) }));
}

const table: readonly (readonly [SpendRoute['method'], string, (deps: SpendDeps) => RequestHandler])[] = [
  ['get', '/spend/logs', spendLogs],
  ['get', '/spend/logs/v2', spendLogsPage],
  ['get', '/spend/logs/ui', spendLogsPage],
  ['get', '/spend/keys', spendKeys],
  ['get', '/spend/users', spendUsers],
  ['get', '/spend/tags', spendTags],
  ['get', '/spend/export', spendExport],
  ['get', '/spend/reconciliation', spendReconciliation],
  ['post', '/spend/calculate', spendCalculate],
  ['post', '/cost/estimate', costEstimate],
  ['get', '/global/spend', globalSpend],
  ['get', '/global/spend/keys', globalSpendKeys],
  ['get', '/global/spend/models', globalSpendModels],
  ['get', '/global/spend/teams', globalSpendTeams],
  ['get', '/global/spend/tags', globalSpendTags],
  ['get', '/global/spend/all_tag_names', allTagNames],
  ['get', '/global/spend/logs', globalSpendLogs],
  ['get', '/global/spend/provider', globalSpendProvider],
  ['get', '/global/spend/report', globalSpendReport],
  ['post', '/global/spend/end_users', globalSpendEndUsers],
  ['post', '/global/spend/reset', globalSpendReset],
  ['get', '/global/all_end_users', allEndUsers],
  ['get', '/global/activity', globalActivity],
  ['get', '/global/activity/model', globalActivityModel],
  ['get', '/global/activity/exceptions', globalActivityExceptions],
  ['get', '/global/activity/exceptions/deployment', globalActivityExceptionsDeployment],
  ['get', '/global/activity/cache_hits', globalActivityCacheHits],
  ['get', '/provider/budgets', providerBudgets],
  ['get', '/user/daily/activity', dailyActivity('user')],
  ['get', '/user/daily/activity/aggregated', aggregatedActivity('user')],
  ['get', '/team/daily/activity', dailyActivity('team')],
  ['get', '/tag/daily/activity', dailyActivity('tag')],
  ['get', '/tag/distinct', tagDistinct],
  ['get', '/tag/dau', tagDau],
  ['get', '/tag/wau', tagWau],
  ['get', '/tag/mau', tagMau],
  ['get', '/tag/summary', tagSummary],
  ['get', '/customer/daily/activity', dailyActivity('customer')],
  ['get', '/end_user/daily/activity', dailyActivity('customer')],
  ['get', '/organization/daily/activity', dailyActivity('organization')],
];
