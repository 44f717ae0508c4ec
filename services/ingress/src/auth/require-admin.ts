import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from './authenticated.ts';

/**
 * @param route the path that was asked for, for the refusal
 * @throws GatewayError route_not_allowed
 */
export function requireAdmin(authenticated: Authenticated, route: string): Authenticated {
  if (authenticated.role === 'proxy_admin') return authenticated;
  throw new GatewayError(
    'route_not_allowed',
    `user not allowed to access this route, role=${authenticated.role}. Route=${route} is an admin only route`,
  );
}

/** Whether somebody may see what belongs to others. */
export function seesAll({ role }: Pick<Authenticated, 'role'>): boolean {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer';
}
