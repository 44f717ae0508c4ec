import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import type { VirtualKeyChanges } from '../../../sql/update-virtual-key.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import { administers, requireRight } from '../../../tenancy/scope.ts';
import type { Owned, Scope } from '../../../tenancy/scope.ts';
import { fieldNameOf, fieldValueOf } from '../field-names.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** What only administrators of the proxy set: it widens what a key may see, or takes limits from elsewhere. */
const operatorsOnly = ['permissions', 'budgetId', 'tempBudgetIncreaseNanoUsd', 'tempBudgetExpiresAt'] as const;

const limits = ['maxBudgetNanoUsd', 'requestsPerMinute', 'tokensPerMinute', 'maxParallelRequests'] as const;

/** What holders may change of a key that somebody else made for them; and its limits, downwards. */
const harmless: ReadonlySet<string> = new Set(['keyAlias', 'metadata', 'tags', 'aliases', ...limits]);

/** Whether a change lets a key do nothing that it could not do before, but for limits. */
export function isHarmless(name: string, value: unknown): boolean {
  return harmless.has(name) || (name === 'blocked' && value === true);
}

export interface KeyMaker {
  readonly authenticated: Authenticated;
  readonly scope: Scope;
  readonly route: string;
}

/**
 * Whether a caller may make a key of what is asked, or change it to that: it is theirs, their team's or in their
 * organization, before and after, and has no limit above that of the user or team whose key it is.
 *
 * @param before the key as it is; null: a new one
 * @throws GatewayError route_not_allowed
 */
export async function requireKeyRight(
  { authenticated, scope, route }: KeyMaker,
  before: VirtualKey | null,
  changes: VirtualKeyChanges,
  { tenancy }: Pick<ManagementDeps, 'tenancy'>,
): Promise<void> {
  if (scope.all) return;
  if (before !== null) requireRight(scope, before, route);
  const after: Owned = { ...nobodys, ...(before && ownerOf(before)), ...ownerOf(changes) };
  requireRight(scope, after, route);
  // The organization of a key is its team's; who names another must administer that.
  const { organizationId } = after;
  if (organizationId !== (before?.organizationId ?? null) && !administers(scope, { organizationId, teamId: null })) {
    throw notYours('organizationId');
  }
  if (isGiven(before, after)) await requireUserThere(scope, before, after, tenancy);
  const isTheirWork = before === null || before.createdBy === authenticated.caller.userId;
  const isFree = isTheirWork || administers(scope, before);
  for (const [name, value] of Object.entries(changes)) {
    const isForbidden = operatorsOnly.some((only) => only === name) && !isNothing(value);
    if (isForbidden || (!isFree && !harmless.has(name))) throw notYours(name);
  }

  const holder = after.teamId === null ? authenticated.principal?.user : await tenancy.teams.find(after.teamId);
  for (const name of limits) {
    const asked = changes[name];
    if (asked === undefined) continue;
    const most = Math.min(holder?.[name] ?? Infinity, isFree ? Infinity : (before?.[name] ?? Infinity));
    // To have none of its own is to have its holder's.
    if (most === Infinity || (asked === null ? isFree : asked <= most)) continue;
    const field = fieldNameOf(name);
    throw new GatewayError('route_not_allowed', `${field} of this key may not be above ${fieldValueOf(name, most)}.`, {
      param: field,
    });
  }
}

/** Whether a key gets a user, or its user's key another team or organization. */
function isGiven(before: VirtualKey | null, after: Owned): boolean {
  return (['userId', 'teamId', 'organizationId'] as const).some((name) => after[name] !== (before?.[name] ?? null));
}

/**
 * Whose a key may be made: the caller's own; or, by an administrator of its team or organization, that of a member.
 *
 * @throws GatewayError route_not_allowed
 */
async function requireUserThere(
  scope: Scope,
  before: Owned | null,
  after: Owned,
  { members, organizationMembers }: Tenancy,
): Promise<void> {
  const { userId, teamId, organizationId } = after;
  if (userId === scope.userId) return;
  if (userId === null) {
    // Without its user, a key would outlive their membership.
    if (before !== null && before.userId !== null && !administers(scope, after)) throw notYours('userId');
    return;
  }
  const isMember =
    administers(scope, after) &&
    (teamId === null
      ? organizationId !== null && (await organizationMembers.find(organizationId, userId)) !== null
      : (await members.find(teamId, userId)) !== null);
  if (isMember) return;
  throw new GatewayError(
    'route_not_allowed',
    `Keys of others are made for members of the key's team or organization only, by its administrators. User=${userId}`,
    { param: 'user_id' },
  );
}

const nobodys: Owned = { userId: null, teamId: null, organizationId: null };

function ownerOf({ userId, teamId, organizationId }: Partial<Owned>): Partial<Owned> {
  return {
    ...(userId !== undefined && { userId }),
    ...(teamId !== undefined && { teamId }),
    ...(organizationId !== undefined && { organizationId }),
  };
}

function isNothing(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}

function notYours(property: string): GatewayError {
  const param = fieldNameOf(property);
  return new GatewayError('route_not_allowed', `Only an administrator may set ${param} of this key so.`, { param });
}
