import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { requireTeamRight } from './team-rights.ts';

/**
 * POST and GET /team/{team_id}/callback, POST /team/{team_id}/disable_logging. Always refused: requests are logged nowhere
 * but in the books, so that no team has callbacks of its own, and none that could be turned off.
 */
export function teamLogging(deps: ManagementDeps): RequestHandler {
  return async (req) => {
    const scope = await deps.scopeOf(authorize(await deps.authenticate(req), req.path));
    const teamId = String(req.params['team_id']);
    const team = await deps.tenancy.teams.find(teamId);
    requireTeamRight(scope, { team, teamId, route: req.path }, 'admin');
    throw new GatewayError(
      'invalid_management_request',
      'Logging callbacks of teams are not supported: there are none to set, to show or to disable. ' +
        'What a team has called is in GET /spend/logs.',
      { param: 'callback_name' },
    );
  };
}
