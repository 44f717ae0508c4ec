import type { ManagementDeps } from '../management-deps.ts';
import type { ManagementRoute } from '../management-route.ts';
import { memberAdd } from './member-add.ts';
import { memberBulkAdd } from './member-bulk-add.ts';
import { memberDelete } from './member-delete.ts';
import { memberUpdate } from './member-update.ts';
import { teamBlock, teamUnblock } from './team-block.ts';
import { teamDelete } from './team-delete.ts';
import { teamInfo } from './team-info.ts';
import { teamList, teamPage } from './team-list.ts';
import { teamLogging } from './team-logging.ts';
import { teamModelAdd, teamModelDelete } from './team-models.ts';
import { teamNew } from './team-new.ts';
import { teamPermissionsList, teamPermissionsUpdate } from './team-permissions.ts';
import { teamPatch, teamUpdate } from './team-update.ts';

/** The endpoints for teams and their members; contract §3.1. The one that any name fits comes last. */
export function teamRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    { method: 'post', path: '/team/new', handler: teamNew(deps) },
    { method: 'post', path: '/team/update', handler: teamUpdate(deps) },
    { method: 'get', path: '/team/info', handler: teamInfo(deps) },
    { method: 'get', path: '/team/list', handler: teamList(deps) },
    { method: 'get', path: '/v2/team/list', handler: teamPage(deps) },
    { method: 'post', path: '/team/member_add', handler: memberAdd(deps) },
    { method: 'post', path: '/team/member_update', handler: memberUpdate(deps) },
    { method: 'post', path: '/team/member_delete', handler: memberDelete(deps) },
    { method: 'post', path: '/team/bulk_member_add', handler: memberBulkAdd(deps) },
    { method: 'post', path: '/team/delete', handler: teamDelete(deps) },
    { method: 'post', path: '/team/block', handler: teamBlock(deps) },
    { method: 'post', path: '/team/unblock', handler: teamUnblock(deps) },
    { method: 'post', path: '/team/model/add', handler: teamModelAdd(deps) },
    { method: 'post', path: '/team/model/delete', handler: teamModelDelete(deps) },
    { method: 'get', path: '/team/permissions_list', handler: teamPermissionsList(deps) },
    { method: 'post', path: '/team/permissions_update', handler: teamPermissionsUpdate(deps) },
    { method: 'post', path: '/team/:team_id/callback', handler: teamLogging(deps) },
    { method: 'get', path: '/team/:team_id/callback', handler: teamLogging(deps) },
    { method: 'post', path: '/team/:team_id/disable_logging', handler: teamLogging(deps) },
    { method: 'patch', path: '/team/:team_id', handler: teamPatch(deps) },
  ];
}
