import { TeamFields, TeamUpdateRequest } from '@sluice/shared/api/litellm/team.ts';
import type { Request, RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { askedLimits, newBudget } from '../../../tenancy/new-budget.ts';
import type { Team } from '../../../tenancy/team.ts';
import { changeTeam } from './change-team.ts';
import type { ChangeWork } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { memberDefaultsOf, refuseUnsupportedOfTeam, teamChangesOf } from './team-changes.ts';
import type { TeamChanges } from './team-changes.ts';
import { requireTeamChangeRight } from './team-rights.ts';
import { teamRowOf } from './team-rows.ts';

/** POST /team/update. Changes only what the body names. */
export function teamUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId, ...fields } = parseManagementBody(TeamUpdateRequest, req.body);
    const team = await update(deps, req, { authenticated, teamId, fields });
    res.json({ team_id: teamId, data: await teamRowOf(team, deps) });
  };
}

/** PATCH /team/{team_id}. The same, with the row alone in the answer. */
export function teamPatch(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const fields = parseManagementBody(TeamFields, req.body);
    const teamId = String(req.params['team_id']);
    res.json(await teamRowOf(await update(deps, req, { authenticated, teamId, fields }), deps));
  };
}

interface TeamUpdate {
  readonly authenticated: Authenticated;
  readonly teamId: string;
  readonly fields: TeamFields;
}

function update(deps: ManagementDeps, req: Request, { authenticated, teamId, fields }: TeamUpdate): Promise<Team> {
  refuseUnsupportedOfTeam(req.body, false);
  return changeTeam(deps, req, { authenticated, teamId, right: 'admin' }, async (team, work) => {
    const changes = { ...teamChangesOf(fields, team, deps), ...(await changeMemberDefaults(team, fields, work, deps)) };
    requireTeamChangeRight(work.scope, team, changes);
    return changes;
  });
}

/** The limits of members who have none of their own are a row of their own. */
async function changeMemberDefaults(
  { memberBudgetId }: Team,
  fields: TeamFields,
  { tenancy, by }: ChangeWork,
  { newId }: Pick<ManagementDeps, 'newId'>,
): Promise<TeamChanges> {
  const limits = memberDefaultsOf(fields);
  if (memberBudgetId !== null) {
    await tenancy.budgets.update([memberBudgetId], limits);
    return {};
  }
  const changes = askedLimits(limits);
  if (Object.keys(changes).length === 0) return {};
  const budget = newBudget(newId(), { base: null, changes, by });
  await tenancy.budgets.insertMissing([budget]);
  return { memberBudgetId: budget.budgetId };
}
