import type { TenancySettings } from '@sluice/shared/config/gateway-config.ts';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { maxBudgetUsd } from '@sluice/shared/money.ts';
import { accountNames } from './account-name.ts';
import type { AccountName } from './account-name.ts';
import type { Attribution } from './attribution.ts';
import { holderAccounts } from './holder-accounts.ts';
import type { Holder, RequestAccount } from './holder-accounts.ts';
import { limitsWith, noLimits } from './limits.ts';
import type { Limited } from './limits.ts';
import { limitsOfEntry, modelEntries } from './model-limits.ts';
import type { ModelName } from './model-limits.ts';
import { pairId } from './pair-id.ts';
import type { Principal } from './principal.ts';

/** What of a request decides which accounts it is booked on. */
export interface AccountFacts {
  readonly caller: Caller;
  /** null: the operator, whom nothing limits. */
  readonly principal: Principal | null;
  readonly model: ModelName;
  readonly attribution: Attribution;
}

type Settings = Pick<TenancySettings, 'timeZone' | 'calendarBudgets' | 'proxyBudget' | 'customers'>;

/**
 * All accounts that a request is booked on, in the order in which they refuse (contract §1.4): each for all time, and
 * in the windows in which budgets reset. Also those that nothing limits, so that a limit set later finds what was
 * spent; of single models only those with limits. The first is the key's.
 */
export function accountsOf(facts: AccountFacts, settings: Settings, now: number): RequestAccount[] {
  return [...holdersOf(facts, settings, now)].flatMap(({ isFree, ...holder }) => {
    const own = holderAccounts(holder, now, settings);
    return isFree === true || facts.principal === null ? own.map(withoutLimits) : own;
  });
}

/** The limits of a key with its budget's, and what was granted on top of it for a time. */
export function keyLimits({ key, keyBudget }: Pick<Principal, 'key' | 'keyBudget'>, now: number): Limited {
  const limits = limitsWith(key, keyBudget);
  const { tempBudgetIncreaseNanoUsd: increase, tempBudgetExpiresAt: until } = key;
  if (increase === null || limits.maxBudgetNanoUsd === null || (until !== null && until <= now)) return limits;
  return { ...limits, maxBudgetNanoUsd: Math.min(limits.maxBudgetNanoUsd + increase, budgetMaxNanoUsd) };
}

const budgetMaxNanoUsd = maxBudgetUsd * 1e9;
const unlimited: Limited = { ...noLimits, createdAt: 0 };

/** `isFree`: booked, and not limited. */
type BookedHolder = Holder & { readonly isFree?: boolean };

function* holdersOf(facts: AccountFacts, settings: Settings, now: number): Generator<BookedHolder> {
  const { caller, principal, attribution } = facts;
  const { keyHash, keyAlias, keyName, teamId, userId, organizationId } = caller;
  const keyId = principal?.key.firstHash ?? keyHash;
  const keyLimited = principal ? keyLimits(principal, now) : unlimited;
  const { waivedNanoUsd = 0, waivedWindowStart = 0 } = principal?.key ?? {};
  yield {
    id: `key:${keyId}`,
    name: accountNames.key(keyHash, keyAlias, keyName),
    limits: keyLimited,
    waived: { nanoUsd: waivedNanoUsd, windowStart: waivedWindowStart },
  };
  yield* modelHolder(['key-model', keyId], keyLimited, facts, (model) =>
    accountNames.keyModel(keyHash, keyAlias, model),
  );
  if (teamId !== null) {
    const limits = principal?.team ?? unlimited;
    yield { id: `team:${teamId}`, name: accountNames.team(teamId), limits };
    yield* modelHolder(['team-model', teamId], limits, facts, (model) => accountNames.teamModel(teamId, model));
  }
  if (teamId !== null && userId !== null) {
    const limits = principal?.memberBudget ?? unlimited;
    yield { id: pairId('member', teamId, userId), name: accountNames.member(teamId, userId), limits };
  }
  if (userId !== null) {
    // A key of a team is limited by the team, not by its user's personal budget (contract §3.7).
    const limits = principal?.user ?? unlimited;
    yield { id: `user:${userId}`, name: accountNames.user(userId), limits, isFree: teamId !== null };
  }
  if (organizationId !== null) {
    const limits = principal?.organizationBudget ?? unlimited;
    yield { id: `organization:${organizationId}`, name: accountNames.organization(organizationId), limits };
    yield* modelHolder(['organization-model', organizationId], limits, facts, (model) =>
      accountNames.organizationModel(organizationId, model),
    );
  }
  if (organizationId !== null && userId !== null && principal?.organizationMember) {
    const limits = principal.organizationMemberBudget ?? unlimited;
    const id = pairId('organization-member', organizationId, userId);
    yield { id, name: accountNames.organizationMember(organizationId, userId), limits };
  }
  if (attribution.customer) {
    const { id, customer, budget } = attribution.customer;
    const byDefault = { ...unlimited, maxBudgetNanoUsd: settings.customers.maxBudgetNanoUsd };
    const limits = budget ?? (customer?.budgetId == null ? byDefault : unlimited);
    yield { id: `customer:${id}`, name: accountNames.customer(id), limits };
    yield* modelHolder(['customer-model', id], limits, facts, (model) => accountNames.customerModel(id, model));
  }
  for (const { tag, budget } of attribution.tags) {
    const limits = budget ?? unlimited;
    yield { id: `tag:${tag.name}`, name: accountNames.tag(tag.name), limits };
    yield* modelHolder(['tag-model', tag.name], limits, facts, (model) => accountNames.tagModel(tag.name, model));
  }
  yield { id: 'proxy:all', name: accountNames.proxy(), limits: { ...unlimited, ...settings.proxyBudget } };
}

/** What a key, a team, an organization, a customer or a tag has set aside for the model, if anything. */
function* modelHolder(
  [kind, holderId]: readonly [kind: string, id: string],
  limits: Limited,
  { model }: AccountFacts,
  nameOf: (model: string) => AccountName,
): Generator<Holder> {
  for (const entry of modelEntries(limits, model)) {
    yield {
      id: pairId(kind, holderId, entry),
      name: nameOf(entry),
      limits: limitsOfEntry(limits, entry),
      model: entry,
    };
  }
}

function withoutLimits(account: RequestAccount): RequestAccount {
  const { id, windowStart } = account.limits;
  const none = { requestsPerMinute: null, tokensPerMinute: null, maxParallelRequests: null };
  return {
    ...account,
    limits: { id, windowStart, budgetNanoUsd: null, tokenBudget: null, ...none },
    softBudgetNanoUsd: null,
  };
}
