import { accessGroupsOf } from '@sluice/shared/config/access-groups.ts';
import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import type { Attribution } from '../tenancy/attribution.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { VirtualKey } from './authenticated.ts';

/** Names in a key's list that stand for others: every alias, or those of its team. */
const allModels = 'all-proxy-models';
const teamModels = 'all-team-models';

/** Names nothing: a list of it alone allows no alias. */
const nothing = 'no-default-models';

/** Whether a list has a name: no list is every name; a `*` in an entry stands for any text. */
export function isListed(models: readonly string[], name: string): boolean {
  if (models.length === 0) return true;
  return models.some((entry) => entry === allModels || (entry !== nothing && matchWildcard(entry, name) !== null));
}

/** An alias by the names that lists may have it under. */
export type ListedAlias = Pick<Alias, 'name'> & Partial<Pick<Alias, 'standsFor' | 'deployments'>>;

/** Whether all of a principal's lists have an alias. */
export function mayUseAlias(principal: Principal, alias: ListedAlias): boolean {
  return modelLists(principal).every(({ models }) => hasAlias(models, alias));
}

/** The same of whom a request is for besides: its end user, and its tags. */
export function mayBeUsedFor(attribution: Attribution, alias: ListedAlias): boolean {
  return attributedLists(attribution).every(({ models }) => hasAlias(models, alias));
}

/** @throws GatewayError model_not_allowed or its kind; clients look for `allowed to access` in its text */
export function requireModel(principal: Principal, alias: ListedAlias): void {
  requireListed(modelLists(principal), alias);
}

/** @throws GatewayError customer_model_not_allowed or tag_model_not_allowed */
export function requireModelFor(attribution: Attribution, alias: ListedAlias): void {
  requireListed(attributedLists(attribution), alias);
}

function requireListed(lists: readonly ModelList[], alias: ListedAlias): void {
  for (const list of lists) {
    if (!hasAlias(list.models, alias))
      throw new GatewayError(list.code, refusalOf(list, alias.name), { param: 'model' });
  }
}

interface ModelList {
  readonly models: readonly string[];
  readonly code: ErrorCode;
  /** Whose it is, as refusals say it; of a member of a team, the key. */
  readonly who: string | Pick<VirtualKey, 'userId' | 'teamId'>;
}

/** Each that has to have the alias, in the order in which they refuse (contract §1.4); a budget's beside its holder's. */
function modelLists(principal: Principal): readonly ModelList[] {
  const { key, keyBudget, team, member, memberBudget, user, organization } = principal;
  const lists: ModelList[] = [];
  add(lists, team?.models, 'team_model_not_allowed', 'team');
  // What a user may use alone; with a team's key, the team decides.
  if (key.teamId === null) add(lists, user?.models, 'user_model_not_allowed', 'user');
  add(lists, withTeams([...key.models, ...key.accessGroupIds], team), 'model_not_allowed', 'key');
  add(lists, keyBudget && withTeams(keyBudget.models, team), 'model_not_allowed', 'key');
  const ofMember = member && member.models.length > 0 ? member.models : team?.defaultMemberModels;
  add(lists, ofMember, 'team_model_not_allowed', key);
  add(lists, memberBudget?.models, 'team_model_not_allowed', key);
  add(lists, organization?.models, 'organization_model_not_allowed', 'org');
  add(lists, principal.organizationBudget?.models, 'organization_model_not_allowed', 'org');
  add(lists, principal.organizationMemberBudget?.models, 'organization_model_not_allowed', 'org');
  return lists;
}

function attributedLists({ customer, tags }: Attribution): readonly ModelList[] {
  const lists: ModelList[] = [];
  add(lists, customer?.budget?.models, 'customer_model_not_allowed', 'end user');
  for (const { tag, budget } of tags) {
    const who = `tag '${tag.name}'`;
    add(lists, tag.models, 'tag_model_not_allowed', who);
    add(lists, budget?.models, 'tag_model_not_allowed', who);
  }
  return lists;
}

/** No list, as most are, is every alias. */
function add(
  lists: ModelList[],
  models: readonly string[] | null | undefined,
  code: ErrorCode,
  who: ModelList['who'],
): void {
  if (models && models.length > 0) lists.push({ models, code, who });
}

function withTeams(models: readonly string[], team: Principal['team']): readonly string[] {
  if (!models.includes(teamModels)) return models;
  // A team without a list has every alias, as has a key without a team.
  const ofTeam = team && team.models.length > 0 ? team.models : [allModels];
  return models.flatMap((entry) => (entry === teamModels ? ofTeam : [entry]));
}

/** One that stands for another may also be used as that one, and as one of the access groups it is in. */
function hasAlias(models: readonly string[], { name, standsFor, deployments = [] }: ListedAlias): boolean {
  if (isListed(models, name) || (standsFor !== undefined && isListed(models, standsFor))) return true;
  return accessGroupsOf(deployments).some((group) => models.includes(group));
}

function refusalOf({ who, models }: ModelList, tried: string): string {
  if (typeof who === 'string') {
    return `${who} not allowed to access model. This ${who} can only access models=[${quoted(models)}]. Tried to access ${tried}`;
  }
  return (
    `Team member not allowed to access model. User=${who.userId}, Team=${who.teamId}, Model=${tried}. ` +
    `Allowed member models = [${quoted(models)}]`
  );
}

function quoted(models: readonly string[]): string {
  return models.map((model) => `'${model}'`).join(', ');
}
