import { GatewayError } from '@sluice/shared/errors.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import { findScope } from '../sql/find-scope.ts';
import type { UserScope } from '../sql/find-scope.ts';

/** What somebody may see and change on management routes; contract §2.11. */
export interface Scope extends UserScope {
  /** Everything is theirs. */
  readonly all: boolean;
  /** Nothing is theirs to change. */
  readonly readsOnly: boolean;
  /** null: a key without a user. */
  readonly userId: string | null;
}

const nobodys: UserScope = { organizations: new Set(), teams: new Map() };

/** What a caller may do beyond their role: read from the database, so that a change of it counts at once. */
export function createScopeOf(sql: Sql): (authenticated: Authenticated) => Promise<Scope> {
  return async ({ role, key, caller }) => {
    const all = role === 'proxy_admin' || role === 'proxy_admin_viewer';
    const readsOnly = role === 'proxy_admin_viewer' || role === 'internal_user_viewer';
    const hasOwn = !all && role !== 'key' && key?.userId != null;
    const own = hasOwn ? await findScope(sql, key.userId) : nobodys;
    return { all, readsOnly, userId: role === 'key' ? null : caller.userId, ...own };
  };
}

/** Whose something is: a key, or what is like one. */
export interface Owned {
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
}

/** Routes that members may call for their team when nothing is said about it. */
export const defaultMemberPermissions: readonly string[] = ['/key/info', '/key/health'];

/** Whether somebody may call a route for what is owned so. */
export function mayFor(scope: Scope, owned: Owned, route: string): boolean {
  if (administers(scope, owned)) return true;
  if (owned.teamId === null) return owned.userId !== null && owned.userId === scope.userId;
  const team = scope.teams.get(owned.teamId);
  return team?.role === 'user' && (team.memberPermissions ?? defaultMemberPermissions).includes(route);
}

/** Whether somebody is the administrator of a thing's team or organization, or of everything. */
export function administers(scope: Scope, { teamId, organizationId }: Omit<Owned, 'userId'>): boolean {
  if (scope.all) return true;
  if (organizationId !== null && scope.organizations.has(organizationId)) return true;
  const team = teamId === null ? undefined : scope.teams.get(teamId);
  return team?.role === 'admin' || (team?.organizationId != null && scope.organizations.has(team.organizationId));
}

/**
 * What of a user somebody sees who may see that user: all of themselves, and of others what is in a team or an
 * organization that they administer. To have made somebody a member shows nothing of where else they are.
 */
export function seenOf(scope: Scope, userId: string): (of: Omit<Owned, 'userId'>) => boolean {
  return userId === scope.userId ? () => true : (of) => administers(scope, of);
}

/** @throws GatewayError route_not_allowed */
export function requireRight(scope: Scope, owned: Owned, route: string): void {
  if (mayFor(scope, owned, route)) return;
  const what = owned.teamId === null ? 'what is not theirs' : `team_id=${owned.teamId}`;
  throw new GatewayError('route_not_allowed', `user not allowed to call this route for ${what}. Route=${route}`);
}
