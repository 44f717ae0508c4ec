import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { organizationDelete } from './organization-delete.ts';
import { organizationInfo, organizationList } from './organization-info.ts';
import { organizationMemberAdd } from './organization-member-add.ts';
import { organizationMemberDelete } from './organization-member-delete.ts';
import { organizationMemberUpdate } from './organization-member-update.ts';
import { organizationNew } from './organization-new.ts';
import { organizationUpdate } from './organization-update.ts';

/** The endpoints for organizations and their members; contract §3.3. */
export function organizationRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/organization/new', handler: organizationNew(deps) },
    { method: 'patch', path: '/organization/update', handler: organizationUpdate(deps) },
    { method: 'delete', path: '/organization/delete', handler: organizationDelete(deps) },
    { method: 'get', path: '/organization/list', handler: organizationList(deps) },
    { method: 'get', path: '/organization/info', handler: organizationInfo(deps) },
    { method: 'post', path: '/organization/member_add', handler: organizationMemberAdd(deps) },
    { method: 'patch', path: '/organization/member_update', handler: organizationMemberUpdate(deps) },
    { method: 'delete', path: '/organization/member_delete', handler: organizationMemberDelete(deps) },
  ];
}
