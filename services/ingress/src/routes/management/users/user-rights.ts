import type { UserNewRequest } from '@sluice/shared/api/litellm/user.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { User } from '../../../tenancy/user.ts';
import { forbiddenChange } from '../change-rights.ts';
import type { UserChanges } from './user-changes.ts';

/** What users may set on themselves, besides limits downwards. */
const forThemselves: ReadonlySet<string> = new Set<keyof UserChanges>(['userAlias', 'metadata']);

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
  const forbidden = forbiddenChange(user, changes, forThemselves);
  if (forbidden !== null) throw refused(`Only an administrator may set ${forbidden} of this user so.`, forbidden);
}

function refused(message: string, param?: string): GatewayError {
  return new GatewayError('route_not_allowed', message, { param });
}
