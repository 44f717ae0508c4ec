import { keyInfoDefaults, type KeyInfo } from '@sluice/shared/api/litellm/key.ts';
import type { Account } from '@sluice/shared/contracts/account.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { VirtualKey } from '../../../auth/authenticated.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import { limitsWith } from '../../../tenancy/limits.ts';
import { windowOf } from '../../../tenancy/windows.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetRowOf } from '../budget-row.ts';
import { isoOf, limitInfoOf, usdOf } from '../limit-info.ts';

interface KeyInfoDeps {
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  readonly tenancy: Pick<Tenancy, 'budgets'>;
  readonly windows: WindowRules;
  readonly now: () => number;
}

/** A key as answers show it, with what the books say it has spent in the current window of its budget. */
export async function keyInfoOf(key: VirtualKey, deps: KeyInfoDeps): Promise<KeyInfo> {
  const [row] = await keyRowsOf([key], deps);
  if (!row) throw new Error('a key without a row');
  const { token: _token, ...info } = row;
  return info;
}

/** Many keys, each with its hash, with one question to the books. */
export async function keyRowsOf(
  keys: readonly VirtualKey[],
  { reports, tenancy, windows, now }: KeyInfoDeps,
): Promise<readonly (KeyInfo & { readonly token: KeyHash })[]> {
  const time = now();
  const ids = [...new Set(keys.flatMap(({ budgetId }) => budgetId ?? []))];
  const budgets = ids.length === 0 ? [] : await tenancy.budgets.all({ where: { budgetId: ids } }, ids.length);
  const found = keys.map((key) => ({ key, budget: budgets.find(({ budgetId }) => budgetId === key.budgetId) ?? null }));
  const balances = await reports.balancesOf(found.map((each) => accountOf(each, time, windows)));
  return found.map((each, index) => ({
    ...infoOf(each, balances[index], time, windows),
    token: each.key.hash,
  }));
}

interface Found {
  readonly key: VirtualKey;
  readonly budget: Budget | null;
}

/** The account whose spend is the key's: in the window of its budget, or the one for all time. */
function accountOf({ key, budget }: Found, now: number, rules: WindowRules): Account {
  const { budgetDuration, createdAt } = limitsWith(key, budget);
  const windowStart = windowOf(budgetDuration, createdAt, now, rules)?.start ?? 0;
  return { id: `key:${key.firstHash ?? key.hash}`, windowStart };
}

/** Without a balance, what it has spent is 0. */
export function infoOf({ key, budget }: Found, balance: Balance | undefined, now: number, rules: WindowRules): KeyInfo {
  const { budgetDuration, createdAt } = limitsWith(key, budget);
  return {
    key_name: key.keyName,
    key_alias: key.keyAlias,
    spend: nanoUsdToUsd(balance?.settledNanoUsd ?? 0),
    expires: isoOf(key.expiresAt),
    models: key.models,
    ...limitInfoOf(key, now, rules),
    budget_reset_at: isoOf(windowOf(budgetDuration, createdAt, now, rules)?.end ?? null),
    budget_id: key.budgetId,
    litellm_budget_table: budget && budgetRowOf(budget, now, rules),
    temp_budget_increase: usdOf(key.tempBudgetIncreaseNanoUsd),
    temp_budget_expiry: isoOf(key.tempBudgetExpiresAt),
    budget_fallbacks: Object.keys(key.budgetFallbacks).length === 0 ? null : key.budgetFallbacks,
    aliases: key.aliases,
    access_group_ids: nullIfEmpty(key.accessGroupIds),
    allowed_routes: key.allowedRoutes,
    key_type: key.keyType,
    permissions: key.permissions,
    enforced_params: nullIfEmpty(key.enforcedParams),
    fallback_model: nullIfEmpty(key.fallbackModels),
    priority: key.priority,
    metadata: key.metadata,
    user_id: key.userId,
    team_id: key.teamId,
    organization_id: key.organizationId,
    blocked: key.blocked,
    created_at: new Date(key.createdAt).toISOString(),
    created_by: key.createdBy,
    updated_at: new Date(key.updatedAt).toISOString(),
    updated_by: key.updatedBy,
    ...keyInfoDefaults,
  };
}

function nullIfEmpty(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
