import type { Principal } from '../tenancy/principal.ts';
import type { Role } from './authenticated.ts';

/**
 * The role that a key gives on management routes: its user's, or that of an administrator of its organization. One whose
 * secret somebody else has made or taken gives none: they would be that user.
 */
export function roleOf({ key, user, organizationMember }: Principal): Role {
  if (user === null || !key.vouched) return 'key';
  if (user.userRole === 'proxy_admin' || user.userRole === 'proxy_admin_viewer') return user.userRole;
  if (organizationMember?.role === 'org_admin') return 'org_admin';
  return user.userRole ?? 'key';
}
