import { TeamNewRequest, type TeamMember } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { madeBy } from '../../../tenancy/history.ts';
import { askedLimits, newBudget } from '../../../tenancy/new-budget.ts';
import { newTeam } from '../../../tenancy/new-team.ts';
import type { Team } from '../../../tenancy/team.ts';
import { addMembers } from './add-members.ts';
import { teamChange } from './audited-team.ts';
import { teamRefusalOf } from './change-team.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { memberDefaultsOf, refuseUnsupportedOfTeam, teamChangesOf } from './team-changes.ts';
import { requireTeamMaker } from './team-rights.ts';
import { teamRowOf } from './team-rows.ts';

/** POST /team/new. Who makes a team is an administrator of it, unless the request says otherwise. */
export function teamNew(deps: ManagementDeps): RequestHandler {
  const { authenticate, changes, scopeOf, now, newId, invalidateTenancy } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const request = parseManagementBody(TeamNewRequest, req.body);
    refuseUnsupportedOfTeam(req.body, true);
    requireTeamMaker(await scopeOf(authenticated), request.organization_id);

    const by = { userId: authenticated.caller.userId, now: now() };
    const memberLimits = askedLimits(memberDefaultsOf(request));
    const hasMemberLimits = Object.keys(memberLimits).length > 0;
    const memberBudget = hasMemberLimits ? newBudget(newId(), { base: null, changes: memberLimits, by }) : null;
    const team: Team = {
      ...newTeam,
      ...teamChangesOf(request, newTeam, deps),
      teamId: request.team_id ?? newId(),
      memberBudgetId: memberBudget?.budgetId ?? null,
      ...madeBy(by),
    };

    await changes.run(authenticated, req, async (sql, record) => {
      const tenancy = tenancyIn(sql);
      if (memberBudget !== null) await tenancy.budgets.insertMissing([memberBudget]);
      const stored = await tenancy.teams.insert(team);
      if (stored !== 'inserted') {
        throw stored.violated === 'teams_unique' ? idTaken(team.teamId) : teamRefusalOf(stored.violated, team);
      }
      const { added } = await addMembers(
        { team, entries: membersOf(request, by.userId) },
        { sql, tenancy, record, by },
        deps,
      );
      const members = added.map(({ member }) => member);
      await record(teamChange('created', { before: null, after: { team, members, memberBudget } }));
    });
    invalidateTenancy();
    res.json(await teamRowOf(team, deps));
  };
}

/** In all the words for them; the first that names a user counts, and the maker's own comes last. */
function membersOf(request: TeamNewRequest, makerId: string | null): TeamMember[] {
  const as = (role: TeamMember['role'], ids: readonly string[] | null | undefined): TeamMember[] =>
    (ids ?? []).map((user_id) => ({ role, user_id }));
  const maker = makerId === null ? [] : [makerId];
  const { members_with_roles, admins, members } = request;
  return [...(members_with_roles ?? []), ...as('admin', admins), ...as('user', members), ...as('admin', maker)];
}

function idTaken(teamId: string) {
  return refusal('team_id', `Team id = ${teamId} already exists. Please use a different team id.`);
}
