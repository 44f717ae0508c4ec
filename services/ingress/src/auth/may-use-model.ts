import { accessGroupsOf } from '@sluice/shared/config/access-groups.ts';
import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import type { Attribution } from '../tenancy/attribution.ts';
import type { Budget } from '../tenancy/budget.ts';
import type { Principal } from '../tenancy/principal.ts';

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
  for (const { models, code, refusal } of lists) {
    if (!hasAlias(models, alias)) throw new GatewayError(code, refusal(models, alias.name), { param: 'model' });
  }
}

interface ModelList {
  readonly models: readonly string[];
  readonly code: ErrorCode;
  readonly refusal: (models: readonly string[], tried: string) => string;
}

/** Each that has to have the alias, in the order in which they refuse (contract §1.4); a budget's beside its holder's. */
function modelLists(principal: Principal): readonly ModelList[] {
  const { key, keyBudget, team, member, memberBudget, user, organization } = principal;
  const memberModels = member && member.models.length > 0 ? member.models : (team?.defaultMemberModels ?? []);
  const ofKey = { code: 'model_not_allowed', refusal: refusalOf('key') } as const;
  const ofMember = {
    code: 'team_model_not_allowed',
    refusal: (models: readonly string[], tried: string) =>
      `Team member not allowed to access model. User=${key.userId}, Team=${key.teamId}, Model=${tried}. ` +
      `Allowed member models = [${quoted(models)}]`,
  } as const;
  const ofOrganization = { code: 'organization_model_not_allowed', refusal: refusalOf('org') } as const;
  return [
    { models: team?.models ?? [], code: 'team_model_not_allowed', refusal: refusalOf('team') },
    // What a user may use alone; with a team's key, the team decides.
    {
      models: (key.teamId === null ? user?.models : null) ?? [],
      code: 'user_model_not_allowed',
      refusal: refusalOf('user'),
    },
    { models: withTeams([...key.models, ...key.accessGroupIds], team), ...ofKey },
    { models: withTeams(modelsOf(keyBudget), team), ...ofKey },
    { models: memberModels, ...ofMember },
    { models: modelsOf(memberBudget), ...ofMember },
    { models: organization?.models ?? [], ...ofOrganization },
    { models: modelsOf(principal.organizationBudget), ...ofOrganization },
    { models: modelsOf(principal.organizationMemberBudget), ...ofOrganization },
  ];
}

function attributedLists({ customer, tags }: Attribution): readonly ModelList[] {
  return [
    { models: modelsOf(customer?.budget), code: 'customer_model_not_allowed', refusal: refusalOf('end user') },
    ...tags.flatMap(({ tag, budget }): ModelList[] => {
      const ofTag = { code: 'tag_model_not_allowed', refusal: refusalOf(`tag '${tag.name}'`) } as const;
      return [
        { models: tag.models, ...ofTag },
        { models: modelsOf(budget), ...ofTag },
      ];
    }),
  ];
}

function modelsOf(budget: Budget | null | undefined): readonly string[] {
  return budget?.models ?? [];
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

function refusalOf(who: string): ModelList['refusal'] {
  return (models, tried) =>
    `${who} not allowed to access model. This ${who} can only access models=[${quoted(models)}]. Tried to access ${tried}`;
}

function quoted(models: readonly string[]): string {
  return models.map((model) => `'${model}'`).join(', ');
}
