import { keyInfoDefaults, type KeyInfo } from '@sluice/shared/api/litellm/key.ts';
import type { Account } from '@sluice/shared/contracts/account.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { VirtualKey } from '../../../auth/authenticated.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import { limitsWith } from '../../../tenancy/limits.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import { waivedIn } from '../../../tenancy/virtual-key.ts';
import { windowOf } from '../../../tenancy/windows.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetRowOf } from '../budget-row.ts';
import { isoOf, limitInfoOf, spentInfoOf, usdOf } from '../limit-info.ts';
import { historyInfoOf } from '../row.ts';

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
  deps: KeyInfoDeps,
): Promise<readonly (KeyInfo & { readonly token: KeyHash })[]> {
  const time = deps.now();
  const found = await factsOf(keys, deps);
  return found.map(({ balance, ...each }) => ({
    ...infoOf(each, balance, time, deps.windows),
    token: each.key.hash,
  }));
}

/** What answers show of keys that is not in their own rows, in the order given. */
export async function factsOf(
  keys: readonly VirtualKey[],
  { reports, tenancy, windows, now }: KeyInfoDeps,
): Promise<readonly (Found & { readonly balance: Balance | undefined })[]> {
  const time = now();
  const ids = [...new Set(keys.flatMap(({ budgetId }) => budgetId ?? []))];
  const budgets = ids.length === 0 ? [] : await tenancy.budgets.all({ where: { budgetId: ids } }, ids.length);
  const found = keys.map((key) => ({ key, budget: budgets.find(({ budgetId }) => budgetId === key.budgetId) ?? null }));
  const balances = await reports.balancesOf(found.map((each) => accountOf(each, time, windows)));
  return found.map((each, index) => ({ ...each, balance: balances[index] }));
}

interface Found {
  readonly key: VirtualKey;
  readonly budget: Budget | null;
}

/** The account whose spend is the key's: in the window of its budget, or the one for all time. */
export function accountOf({ key, budget }: Found, now: number, rules: WindowRules): Account {
  return mainAccountOf(`key:${key.firstHash ?? key.hash}`, limitsWith(key, budget), now, rules);
}

/** What of an account's balance counts as a key's spend: without what its spend was last set back by. */
export function spendOf(key: VirtualKey, { windowStart }: Account, balance: Balance | undefined): number {
  return Math.max(0, (balance?.settledNanoUsd ?? 0) - waivedIn(key, windowStart));
}

/** Without a balance, what it has spent is 0. */
export function infoOf({ key, budget }: Found, balance: Balance | undefined, now: number, rules: WindowRules): KeyInfo {
  const { budgetDuration, createdAt } = limitsWith(key, budget);
  return {
    key_name: key.keyName,
    key_alias: key.keyAlias,
    ...spentInfoOf(balance, waivedIn(key, accountOf({ key, budget }, now, rules).windowStart)),
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
    ...historyInfoOf(key),
    ...keyInfoDefaults,
  };
}

function nullIfEmpty(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
