import { matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated, Role } from './authenticated.ts';

const admin: readonly Role[] = ['proxy_admin'];
const reader: readonly Role[] = [...admin, 'proxy_admin_viewer'];
const organizer: readonly Role[] = [...admin, 'org_admin'];
/** What a user may do, who may be an administrator of a team: for what is theirs. */
const user: readonly Role[] = [...organizer, 'internal_user'];
const organizerOrReader: readonly Role[] = [...reader, 'org_admin'];
/** Everybody who is somebody, for what is theirs. */
const person: readonly Role[] = [...user, 'proxy_admin_viewer', 'internal_user_viewer'];
const anyKey: readonly Role[] = [...person, 'key'];

/**
 * Who may call which route at all; the first row that matches counts, and a route without one is an administrator's.
 * What of it is theirs to see or to change, the route itself says (contract §2.11).
 */
const rights: readonly (readonly [pattern: string, roles: readonly Role[]])[] = [
  ['/key/info', anyKey],
  ['/key/health', anyKey],
  ['/key/list', person],
  ['/key/aliases', person],
  ['/v2/key/info', reader],
  ['/key/bulk_update', admin],
  ['/key/*', user],

  ['/team/new', organizer],
  ['/team/delete', organizer],
  ['/team/info', person],
  ['/team/list', person],
  ['/v2/team/list', person],
  ['/team/permissions_list', person],
  ['/team/daily/activity', person],
  ['/team/*', user],

  ['/user/new', organizer],
  ['/user/delete', admin],
  ['/user/bulk_update', admin],
  ['/user/list', organizerOrReader],
  ['/user/info', person],
  ['/v2/user/info', person],
  ['/user/daily/activity', person],
  ['/user/daily/activity/*', person],
  ['/user/*', user],

  ['/organization/new', admin],
  ['/organization/delete', admin],
  ['/organization/info', person],
  ['/organization/list', person],
  ['/organization/daily/activity', organizerOrReader],
  ['/organization/*', organizer],

  ...['/customer', '/end_user', '/budget', '/tag'].flatMap(
    (path) =>
      [
        ...['info', 'list', 'settings', 'distinct', 'dau', 'wau', 'mau', 'summary', 'daily/activity'].map(
          (end) => [`${path}/${end}`, reader] as const,
        ),
        [`${path}/*`, admin],
      ] as const,
  ),

  ['/audit', reader],
  ['/audit/*', reader],

  ...['/spend/logs', '/spend/logs/v2', '/spend/logs/ui', '/spend/calculate', '/cost/estimate'].map(
    (path) => [path, anyKey] as const,
  ),
  ...['/spend/keys', '/spend/users', '/spend/tags', '/spend/export'].map((path) => [path, person] as const),
  ['/spend/*', reader],
  ['/global/spend/reset', admin],
  ...['/global/spend', '/global/spend/*', '/global/activity', '/global/activity/*', '/global/all_end_users'].map(
    (path) => [path, reader] as const,
  ),
  ['/provider/budgets', reader],
];

/** Spend that a key may be allowed to see by `permissions.get_spend_routes`. */
const spendRoutes = ['/spend/*', '/global/spend', '/global/spend/*'];

/**
 * @param route the path that was asked for
 * @throws GatewayError route_not_allowed
 */
export function authorize(authenticated: Authenticated, route: string): Authenticated {
  const { role, key } = authenticated;
  const allowed = rights.find(([pattern]) => matchWildcard(pattern, route) !== null)?.[1] ?? admin;
  if (allowed.includes(role)) return authenticated;
  const seesSpend = key?.permissions['get_spend_routes'] === true;
  if (seesSpend && spendRoutes.some((pattern) => matchWildcard(pattern, route) !== null)) return authenticated;
  throw new GatewayError(
    'route_not_allowed',
    `user not allowed to access this route, role=${role}. Route=${route} is an admin only route`,
  );
}

/** Whether somebody may see what belongs to others. */
export function seesAll({ role, key }: Pick<Authenticated, 'role' | 'key'>): boolean {
  return reader.includes(role) || key?.permissions['get_spend_routes'] === true;
}
