import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { userBulkUpdate } from './user-bulk-update.ts';
import { userDelete } from './user-delete.ts';
import { userInfo, userInfoAlone } from './user-info.ts';
import { userList } from './user-list.ts';
import { userNew } from './user-new.ts';
import { userUpdate } from './user-update.ts';

/** The endpoints for users; contract §3.2. */
export function userRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/user/new', handler: userNew(deps) },
    { method: 'get', path: '/user/info', handler: userInfo(deps) },
    { method: 'get', path: '/v2/user/info', handler: userInfoAlone(deps) },
    { method: 'post', path: '/user/update', handler: userUpdate(deps) },
    { method: 'post', path: '/user/bulk_update', handler: userBulkUpdate(deps) },
    { method: 'get', path: '/user/list', handler: userList(deps) },
    { method: 'post', path: '/user/delete', handler: userDelete(deps) },
  ];
}
