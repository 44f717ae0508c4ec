import type { Attribution } from './attribution.ts';
import { limitsWith } from './limits.ts';
import type { Limits } from './limits.ts';
import type { Principal } from './principal.ts';

/** The limits of all that a request is for, in the order in which they refuse, but for the proxy's. */
export function limitsThatHold(principal: Principal, { customer, tags }: Attribution): readonly Limits[] {
  const { key, keyBudget, team, memberBudget, user, organizationBudget, organizationMemberBudget } = principal;
  return [
    limitsWith(key, keyBudget),
    team,
    key.userId === null ? null : memberBudget, // a team's limits for members are none of its service accounts'
    key.teamId === null ? user : null, // contract §3.7
    organizationBudget,
    organizationMemberBudget,
    customer?.budget,
    ...tags.map(({ budget }) => budget),
  ].flatMap((limits) => limits ?? []);
}
