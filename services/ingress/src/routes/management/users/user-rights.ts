import type { UserNewRequest } from '@sluice/shared/api/litellm/user.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { User } from '../../../tenancy/user.ts';
import type { UserChanges } from './user-changes.ts';

/** What users may set on themselves. */
const forThemselves: ReadonlySet<string> = new Set<keyof UserChanges>(['userAlias', 'metadata']);

/** What they may set on themselves downwards. */
const limits = [
  'maxBudgetNanoUsd',
  'maxTokenBudget',
  'requestsPerMinute',
  'tokensPerMinute',
  'maxParallelRequests',
] as const;

/**
 * Whether somebody may see a user: who they are themselves, or a member of an organization that they administer.
 *
 * @throws GatewayError route_not_allowed, also for users who do not exist
 */
export async function requireUserVisible(
  scope: Scope,
  userId: string,
  { organizationMembers }: Pick<Tenancy, 'organizationMembers'>,
): Promise<void> {
  if (scope.all || userId === scope.userId) return;
  const organizationIds = [...scope.organizations];
  if (organizationIds.length > 0) {
    const where = { userId, organizationId: organizationIds };
    if ((await organizationMembers.all({ where }, 1)).length > 0) return;
  }
  throw refused(`You are not allowed to access another user's info. User=${userId}`);
}

/**
 * Whether somebody may make a user: administrators of organizations in their own, and none who would be above them.
 *
 * @throws GatewayError route_not_allowed
 */
export function requireUserMaker(scope: Scope, { organizations, user_role: role }: UserNewRequest): void {
  if (scope.all) return;
  const named = organizations ?? [];
  if (named.length === 0 || !named.every((id) => scope.organizations.has(id))) {
    throw refused(`Users can be made only in organizations that you administer: name them in 'organizations'.`);
  }
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') {
    throw refused(`Only an administrator of the proxy may make a user with the role ${role}.`);
  }
}

/** @throws GatewayError route_not_allowed for whom may not change that of a user */
export function requireUserChangeRight(scope: Scope, userId: string, user: User | null, changes: UserChanges): void {
  if (scope.all) return;
  if (userId !== scope.userId || user === null)
    throw refused(`You are not allowed to change this user. User=${userId}`);
  for (const [name, value] of Object.entries(changes)) {
    const limit = limits.find((each) => each === name);
    const isLower = limit !== undefined && typeof value === 'number' && value <= (user[limit] ?? Infinity);
    if (forThemselves.has(name) || isLower) continue;
    throw refused(`Only an administrator may set ${name} of this user so.`);
  }
}

function refused(message: string): GatewayError {
  return new GatewayError('route_not_allowed', message);
}
