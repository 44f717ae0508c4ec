import { keyInfoDefaults, type KeyInfo } from '@sluice/shared/api/litellm/key.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { VirtualKey } from '../../auth/authenticated.ts';
import { accountOf, budgetWindowOf } from '../../auth/key-account.ts';

interface KeyInfoDeps {
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  readonly now: () => number;
}

/** A key as answers show it, with what the books say it has spent in the current window of its budget. */
export async function keyInfoOf(key: VirtualKey, { reports, now }: KeyInfoDeps): Promise<KeyInfo> {
  const time = now();
  const [balance] = await reports.balancesOf([accountOf(key, time)]);
  return infoOf(key, balance, time);
}

/** Many keys, each with its hash, with one question to the books. */
export async function keyRowsOf(
  keys: readonly VirtualKey[],
  { reports, now }: KeyInfoDeps,
): Promise<readonly (KeyInfo & { readonly token: KeyHash })[]> {
  const time = now();
  const balances = await reports.balancesOf(keys.map((key) => accountOf(key, time)));
  return keys.map((key, index) => Object.assign(infoOf(key, balances[index], time), { token: key.hash }));
}

/** Without a balance, what it has spent is 0. */
export function infoOf(key: VirtualKey, balance: Balance | undefined, now: number): KeyInfo {
  const window = budgetWindowOf(key, now);
  return {
    key_name: key.keyName,
    key_alias: key.keyAlias,
    spend: nanoUsdToUsd(balance?.settledNanoUsd ?? 0),
    expires: isoOf(key.expiresAt),
    models: key.models,
    max_budget: key.maxBudgetNanoUsd === null ? null : nanoUsdToUsd(key.maxBudgetNanoUsd),
    budget_duration: key.budgetDuration,
    budget_reset_at: isoOf(window?.end ?? null),
    rpm_limit: key.requestsPerMinute,
    tpm_limit: key.tokensPerMinute,
    max_parallel_requests: key.maxParallelRequests,
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

function isoOf(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
