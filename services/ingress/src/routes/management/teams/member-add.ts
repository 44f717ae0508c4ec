import { MemberAddRequest } from '@sluice/shared/api/litellm/team.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { addMembers } from './add-members.ts';
import { withTeam } from './change-team.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { refuseUnsupportedOfMember } from './team-changes.ts';
import { teamRowsOf, withMembers } from './team-rows.ts';
import { addedUserRowsOf } from '../users/user-rows.ts';

/** POST /team/member_add. All of the named users become members, or none when one is a member already. */
export function memberAdd(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId, member, ...limits } = parseManagementBody(MemberAddRequest, req.body);
    refuseUnsupportedOfMember(req.body, true);

    const { team, added, users, scope } = await withTeam(
      deps,
      req,
      { authenticated, teamId, right: 'admin' },
      async (locked, work) => {
        const { skipped, ...done } = await addMembers({ team: locked, entries: [member].flat(), limits }, work, deps);
        const [there] = skipped;
        if (there) throw alreadyMember(there.userId, teamId);
        return { ...done, team: locked, scope: work.scope };
      },
    );
    const found = await withMembers([team], deps.tenancy);
    const [rows, userRows] = await Promise.all([
      teamRowsOf({ teams: found, members: added }, deps),
      addedUserRowsOf(users, scope, deps),
    ]);
    res.json({ ...rows.teams[0], updated_users: userRows, updated_team_memberships: rows.members });
  };
}

function alreadyMember(userId: string, teamId: string): GatewayError {
  return new GatewayError('already_member', `User=${userId} is already a member of the team. Team=${teamId}`, {
    param: 'user_id',
  });
}
