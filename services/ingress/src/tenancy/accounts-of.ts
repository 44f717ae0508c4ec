import type { TenancySettings } from '@sluice/shared/config/tenancy-config.ts';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { maxBudgetUsd } from '@sluice/shared/money.ts';
import { accountNames, ofModel } from './account-name.ts';
import type { HolderName } from './account-name.ts';
import type { Attribution } from './attribution.ts';
import { holderAccounts } from './holder-accounts.ts';
import type { Holder, RequestAccount } from './holder-accounts.ts';
import { limitsWith, unlimited } from './limits.ts';
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

type Settings = Pick<
  TenancySettings,
  'timeZone' | 'calendarBudgets' | 'proxyBudget' | 'proxyMaxParallelRequests' | 'customers'
>;

/**
 * All accounts that a request is booked on, in the order in which they refuse (contract §1.4): each for all time, and
 * in the windows in which budgets reset. Also those that nothing limits, so that a limit set later finds what was
 * spent; of single models only those with limits. The first is the key's.
 */
export function accountsOf(facts: AccountFacts, settings: Settings, now: number): RequestAccount[] {
  const accounts: RequestAccount[] = [];
  for (const holder of holdersOf(facts, settings, now)) {
    const isLimited = holder.isFree !== true && facts.principal !== null;
    for (const own of holderAccounts(holder, now, settings)) accounts.push(isLimited ? own : withoutLimits(own));
  }
  return accounts;
}

/** The limits of a key with its budget's, and what was granted on top of it for a time. */
export function keyLimits({ key, keyBudget }: Pick<Principal, 'key' | 'keyBudget'>, now: number): Limited {
  const limits = limitsWith(key, keyBudget);
  const { tempBudgetIncreaseNanoUsd: increase, tempBudgetExpiresAt: until } = key;
  if (increase === null || limits.maxBudgetNanoUsd === null || (until !== null && until <= now)) return limits;
  return { ...limits, maxBudgetNanoUsd: Math.min(limits.maxBudgetNanoUsd + increase, budgetMaxNanoUsd) };
}

const budgetMaxNanoUsd = maxBudgetUsd * 1e9;

/** `isFree`: booked, and not limited. */
type BookedHolder = Holder & { readonly isFree?: boolean };

function holdersOf(facts: AccountFacts, settings: Settings, now: number): readonly BookedHolder[] {
  const { caller, principal, attribution, model } = facts;
  const { keyHash, keyAlias, keyName, teamId, userId, organizationId } = caller;
  const holders: BookedHolder[] = [];
  const add = (holder: ModelsHolder) => addWithModels(holders, model, holder);
  const { waivedNanoUsd = 0, waivedWindowStart = 0 } = principal?.key ?? {};
  add({
    id: ['key', principal?.key.firstHash ?? keyHash],
    name: accountNames.key(keyHash, keyAlias, keyName),
    limits: principal ? keyLimits(principal, now) : unlimited,
    waived: { nanoUsd: waivedNanoUsd, windowStart: waivedWindowStart },
  });
  if (teamId !== null) {
    const limits = principal?.team ?? unlimited;
    add({ id: ['team', teamId], name: accountNames.team(teamId), limits });
  }
  if (teamId !== null && userId !== null) {
    const limits = principal?.memberBudget ?? unlimited;
    add({ id: ['member', teamId, userId], name: accountNames.member(teamId, userId), limits });
  }
  if (userId !== null) {
    // A key of a team is limited by the team, not by its user's personal limits (contract §3.7).
    const limits = principal?.user ?? unlimited;
    const name = accountNames.user(userId);
    add({ id: ['user', userId], name, limits, isFree: teamId !== null });
  }
  if (organizationId !== null) {
    const limits = principal?.organizationBudget ?? unlimited;
    const name = accountNames.organization(organizationId);
    add({ id: ['organization', organizationId], name, limits });
  }
  if (organizationId !== null && userId !== null && principal?.organizationMember) {
    const limits = principal.organizationMemberBudget ?? unlimited;
    const name = accountNames.organizationMember(organizationId, userId);
    add({ id: ['organization-member', organizationId, userId], name, limits });
  }
  if (attribution.customer) {
    const { id, customer, budget } = attribution.customer;
    const byDefault = { ...unlimited, maxBudgetNanoUsd: settings.customers.maxBudgetNanoUsd };
    const limits = budget ?? (customer?.budgetId == null ? byDefault : unlimited);
    add({ id: ['customer', id], name: accountNames.customer(id), limits });
  }
  for (const { tag, budget } of attribution.tags) {
    const limits = budget ?? unlimited;
    add({ id: ['tag', tag.name], name: accountNames.tag(tag.name), limits });
  }
  const { proxyBudget, proxyMaxParallelRequests: maxParallelRequests } = settings;
  const limits = { ...unlimited, ...proxyBudget, maxParallelRequests };
  holders.push({ id: 'proxy:all', name: accountNames.proxy(), limits });
  return holders;
}

type ModelsHolder = Omit<BookedHolder, 'id' | 'name' | 'model'> & {
  /** Its kind, and what it is of that kind. */
  readonly id: readonly [kind: string, ...things: string[]];
  readonly name: HolderName;
};

/** A holder, and then what it has set aside for the model, if anything. */
function addWithModels(holders: BookedHolder[], model: ModelName, { id, name, ...holder }: ModelsHolder): void {
  const { limits, isFree = false } = holder;
  const [kind, ...things] = id;
  holders.push({ ...holder, id: pairId(...id), name });
  for (const entry of modelEntries(limits, model)) {
    holders.push({
      id: pairId(`${kind}-model`, ...things, entry),
      name: ofModel(name, entry),
      limits: limitsOfEntry(limits, entry),
      model: entry,
      isFree,
    });
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
