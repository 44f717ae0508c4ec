import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from './authenticated.ts';

/**
 * @param route the path that was asked for, for the refusal
 * @throws GatewayError route_not_allowed
 */
export function requireAdmin(authenticated: Authenticated, route: string): Authenticated {
  if (authenticated.role === 'proxy_admin') return authenticated;
  throw adminOnly(authenticated, route);
}

/** The same for what an administrator who may only look sees too. @throws GatewayError route_not_allowed */
export function requireToSeeAll(authenticated: Authenticated, route: string): Authenticated {
  if (seesAll(authenticated)) return authenticated;
  throw adminOnly(authenticated, route);
}

/** Whether somebody may see what belongs to others. */
export function seesAll({ role }: Pick<Authenticated, 'role'>): boolean {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer';
}

function adminOnly({ role }: Authenticated, route: string): GatewayError {
  return new GatewayError(
    'route_not_allowed',
    `user not allowed to access this route, role=${role}. Route=${route} is an admin only route`,
  );
}
