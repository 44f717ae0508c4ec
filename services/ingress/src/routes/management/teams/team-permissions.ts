import { TeamPermissionsRequest, TeamQuery } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody, parseQuery } from '../../../http/parse-body.ts';
import { memberPermissions } from '../../../tenancy/member-permissions.ts';
import { defaultMemberPermissions } from '../../../tenancy/scope.ts';
import type { Team } from '../../../tenancy/team.ts';
import { changeTeam } from './change-team.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { permissionsOf } from './team-changes.ts';
import { requireTeamRight } from './team-rights.ts';

/** GET /team/permissions_list. What members may do with keys of the team. */
export function teamPermissionsList(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const { team_id: teamId } = parseQuery(TeamQuery, req.query);
    const found = await tenancy.teams.find(teamId);
    res.json(shown(requireTeamRight(scope, { team: found, teamId, route: req.path }, 'member')));
  };
}

/** POST /team/permissions_update. */
export function teamPermissionsUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId, team_member_permissions: routes } = parseManagementBody(TeamPermissionsRequest, req.body);
    const permissions = permissionsOf(routes);
    const asked = { authenticated, teamId, right: 'admin' } as const;
    res.json(shown(await changeTeam(deps, req, asked, () => ({ memberPermissions: permissions }))));
  };
}

function shown({ teamId, memberPermissions: own }: Team) {
  return {
    team_id: teamId,
    team_member_permissions: own ?? defaultMemberPermissions,
    all_available_permissions: memberPermissions,
  };
}
