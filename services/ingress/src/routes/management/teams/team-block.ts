import { TeamNamed } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changeTeam } from './change-team.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { teamRowOf } from './team-rows.ts';

/** POST /team/block. The team's keys are refused everywhere within a second, until it is unblocked. */
export function teamBlock(deps: ManagementDeps): RequestHandler {
  return setBlocked(deps, true);
}

/** POST /team/unblock. */
export function teamUnblock(deps: ManagementDeps): RequestHandler {
  return setBlocked(deps, false);
}

/** Not for the team's own administrators: who could block it could also unblock it. */
function setBlocked(deps: ManagementDeps, blocked: boolean): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId } = parseManagementBody(TeamNamed, req.body);
    const action = blocked ? 'blocked' : 'unblocked';
    const team = await changeTeam(deps, req, { authenticated, teamId, right: 'organizer', action }, () => ({
      blocked,
    }));
    res.json(await teamRowOf(team, deps));
  };
}
