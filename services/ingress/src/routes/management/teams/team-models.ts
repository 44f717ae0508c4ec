import { TeamModelsRequest } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changeTeam } from './change-team.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { teamRowOf } from './team-rows.ts';

/** An empty list is every model. These say so, and the opposite, in a list that is not empty. */
const everyModel = 'all-proxy-models';
const noModel = 'no-default-models';

/** POST /team/model/add. To a team that has every model, it adds nothing. */
export function teamModelAdd(deps: ManagementDeps): RequestHandler {
  return changeModels(deps, (models, added) => {
    const before = models.length === 0 ? [everyModel] : models.filter((model) => model !== noModel);
    return [...new Set([...before, ...added])];
  });
}

/** POST /team/model/delete. A team that loses its last model has none, and not every one. */
export function teamModelDelete(deps: ManagementDeps): RequestHandler {
  return changeModels(deps, (models, deleted) => {
    const left = models.filter((model) => !deleted.includes(model));
    return left.length === 0 && models.length > 0 ? [noModel] : left;
  });
}

function changeModels(
  deps: ManagementDeps,
  change: (models: readonly string[], named: readonly string[]) => string[],
): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId, models } = parseManagementBody(TeamModelsRequest, req.body);
    const asked = { authenticated, teamId, right: 'organizer' } as const;
    const team = await changeTeam(deps, req, asked, (before) => ({ models: change(before.models, models) }));
    res.json(await teamRowOf(team, deps));
  };
}
