import type { Principal } from '../tenancy/principal.ts';
import type { Role } from './authenticated.ts';

/**
 * The role that a key gives on management routes: its user's, or, whatever the key belongs to, that of an administrator of
 * organizations. One whose secret somebody else has made or taken gives none: they would be that user.
 */
export function roleOf({ key, user, isOrganizer }: Principal): Role {
  if (user === null || !key.vouched) return 'key';
  if (user.userRole === 'proxy_admin' || user.userRole === 'proxy_admin_viewer') return user.userRole;
  if (isOrganizer) return 'org_admin';
  return user.userRole ?? 'key';
}
