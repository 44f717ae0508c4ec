import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
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

/** @throws GatewayError model_not_allowed or its kind; clients look for `allowed to access` in its text */
export function requireModel(principal: Principal, alias: ListedAlias): void {
  for (const { models, code, refusal } of modelLists(principal)) {
    if (!hasAlias(models, alias)) throw new GatewayError(code, refusal(models, alias.name), { param: 'model' });
  }
}

interface ModelList {
  readonly models: readonly string[];
  readonly code: ErrorCode;
  readonly refusal: (models: readonly string[], tried: string) => string;
}

/** Each that has to have the alias, in the order in which they refuse (contract §1.4). */
function modelLists({ key, team, member, user, organization }: Principal): readonly ModelList[] {
  const memberModels = member && member.models.length > 0 ? member.models : (team?.defaultMemberModels ?? []);
  return [
    { models: team?.models ?? [], code: 'team_model_not_allowed', refusal: refusalOf('team') },
    // What a user may use alone; with a team's key, the team decides.
    {
      models: (key.teamId === null ? user?.models : null) ?? [],
      code: 'user_model_not_allowed',
      refusal: refusalOf('user'),
    },
    { models: keyModels(key, team), code: 'model_not_allowed', refusal: refusalOf('key') },
    {
      models: memberModels,
      code: 'team_model_not_allowed',
      refusal: (models, tried) =>
        `Team member not allowed to access model. User=${key.userId}, Team=${key.teamId}, Model=${tried}. ` +
        `Allowed member models = [${quoted(models)}]`,
    },
    { models: organization?.models ?? [], code: 'organization_model_not_allowed', refusal: refusalOf('org') },
  ];
}

function keyModels(key: Principal['key'], team: Principal['team']): readonly string[] {
  const models = [...key.models, ...key.accessGroupIds];
  if (!models.includes(teamModels)) return models;
  // A team without a list has every alias, as has a key without a team.
  const ofTeam = team && team.models.length > 0 ? team.models : [allModels];
  return models.flatMap((entry) => (entry === teamModels ? ofTeam : [entry]));
}

/** One that stands for another may also be used as that one, and as one of the access groups it is in. */
function hasAlias(models: readonly string[], { name, standsFor, deployments = [] }: ListedAlias): boolean {
  if (isListed(models, name) || (standsFor !== undefined && isListed(models, standsFor))) return true;
  return deployments.some(({ info }) => {
    const groups = info?.['access_groups'];
    return Array.isArray(groups) && groups.some((group) => models.includes(group));
  });
}

function refusalOf(who: string): ModelList['refusal'] {
  return (models, tried) =>
    `${who} not allowed to access model. This ${who} can only access models=[${quoted(models)}]. Tried to access ${tried}`;
}

function quoted(models: readonly string[]): string {
  return models.map((model) => `'${model}'`).join(', ');
}
