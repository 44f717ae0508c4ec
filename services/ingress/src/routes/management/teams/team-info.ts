import { TeamQuery } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { mayFor } from '../../../tenancy/scope.ts';
import { atMost } from '../../spend/truncated.ts';
import { keyRowsOf } from '../keys/key-info-of.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { requireTeamRight } from './team-rights.ts';
import { membersMax, teamRowsOf, withBudgets, withMembers } from './team-rows.ts';

/** Keys in one answer; the newest are left out, and a header says so. */
const keysMax = 1000;

/** GET /team/info. For members, with those of its keys that they may see. */
export function teamInfo(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const { team_id: teamId } = parseQuery(TeamQuery, req.query);
    const stored = await tenancy.teams.find(teamId);
    const team = requireTeamRight(scope, { team: stored, teamId, route: req.path }, 'member');

    const seesAllKeys = mayFor(scope, { ...team, userId: null }, '/key/info');
    const [teams, keys] = await Promise.all([
      withMembers([team], tenancy),
      tenancy.keys.all({ where: seesAllKeys ? { teamId } : { teamId, userId: scope.userId ?? '' } }, keysMax + 1),
    ]);
    const members = atMost(
      membersMax,
      teams.flatMap((each) => each.members),
      res,
    );
    const { memberBudgetId } = team;
    const found = await withBudgets(
      members.map((member) => ({ member, memberBudgetId })),
      tenancy,
    );
    const rows = await teamRowsOf({ teams, members: found }, deps);
    res.json({
      team_id: teamId,
      team_info: rows.teams[0],
      keys: await keyRowsOf(atMost(keysMax, keys, res), deps),
      team_memberships: rows.members,
    });
  };
}
