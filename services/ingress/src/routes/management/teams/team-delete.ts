import { TeamDeleteRequest } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { deleteKeysOf } from '../../../sql/delete-keys-of.ts';
import { deleteUnusedBudgets } from '../../../sql/delete-unused-budgets.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { keyChange } from '../keys/audited-key.ts';
import { teamChange } from './audited-team.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { requireTeamRight } from './team-rights.ts';
import { teamRowsOf, withMembers } from './team-rows.ts';

/**
 * POST /team/delete. All of the named teams, or none when one does not exist, with their keys and memberships. What they
 * spent stays in the books.
 */
export function teamDelete(deps: ManagementDeps): RequestHandler {
  const { authenticate, changes, scopeOf, invalidateTenancy } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { team_ids: named } = parseManagementBody(TeamDeleteRequest, req.body);
    const scope = await scopeOf(authenticated);
    const teamIds = [...new Set(named)].toSorted(); // in one order, so that two deletions never wait for each other

    const deleted = await changes.run(authenticated, req, async (sql, record) => {
      const tenancy = tenancyIn(sql);
      const teams = [];
      for (const teamId of teamIds) {
        const team = await tenancy.teams.lock(teamId);
        teams.push(requireTeamRight(scope, { team, teamId, route: req.path }, 'organizer'));
      }
      const found = await withMembers(teams, tenancy);
      for (const key of await deleteKeysOf(sql, { teamIds })) {
        await record(keyChange('deleted', { before: key, after: null }));
      }
      await tenancy.teams.delete({ teamId: teamIds });
      const budgetIds = found.flatMap(({ team, members }) => [
        team.memberBudgetId ?? [],
        ...members.map(({ budgetId }) => budgetId ?? []),
      ]);
      await deleteUnusedBudgets(sql, budgetIds.flat());
      for (const team of found) await record(teamChange('deleted', { before: team, after: null }));
      return found;
    });
    invalidateTenancy();
    res.json((await teamRowsOf({ teams: deleted }, deps)).teams);
  };
}
