import { MemberBulkAddRequest, type TeamMember } from '@sluice/shared/api/litellm/team.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { addMembers } from './add-members.ts';
import { teamChange } from './audited-team.ts';
import { withTeam } from './change-team.ts';
import type { ChangeWork } from '../change-work.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { refuseUnsupportedOfMember } from './team-changes.ts';
import { teamRowsOf, withMembers } from './team-rows.ts';
import { addedUserRowsOf } from '../users/user-rows.ts';

/** With `all_users`, more have to be named. */
const allUsersMax = 5000;

/** POST /team/bulk_member_add. Whoever is a member already stays as they are, and is told of. */
export function memberBulkAdd(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(MemberBulkAddRequest, req.body);
    refuseUnsupportedOfMember(req.body, true);
    const { team_id: teamId, members, all_users: everybody, ...limits } = request;
    if (everybody !== true && (members ?? []).length === 0) throw refusal('members', 'Name members, or all_users.');

    const asked = { authenticated, teamId, right: 'admin' } as const;
    const { team, added, users, skipped, scope } = await withTeam(deps, req, asked, async (locked, work) => {
      const entries = everybody === true ? await allUsers(work) : (members ?? []);
      const done = await addMembers({ team: locked, entries, limits }, work, deps);
      // A request that has changed nothing has its line too.
      const unchanged = { team: locked, members: [], memberBudget: null };
      if (done.added.length === 0) await work.record(teamChange('updated', { before: unchanged, after: unchanged }));
      return { ...done, team: locked, scope: work.scope };
    });
    const [rows, userRows] = await Promise.all([
      teamRowsOf({ teams: await withMembers([team], deps.tenancy), members: added }, deps),
      addedUserRowsOf(users, scope, deps),
    ]);
    const rowsById = new Map(userRows.map((row) => [row['user_id'], row]));
    res.json({
      team_id: teamId,
      results: [
        ...added.map(({ member: { userId, userEmail } }, index) => ({
          user_id: userId,
          user_email: userEmail,
          success: true,
          error: null,
          updated_user: rowsById.get(userId) ?? null,
          updated_team_membership: rows.members[index],
        })),
        ...skipped.map(({ userId, userEmail }) => ({
          user_id: userId,
          user_email: userEmail,
          success: false,
          error: 'User is already a member of the team.',
          updated_user: null,
          updated_team_membership: null,
        })),
      ],
      total_requested: added.length + skipped.length,
      successful_additions: added.length,
      failed_additions: skipped.length,
      updated_team: rows.teams[0],
    });
  };
}

async function allUsers({ tenancy, scope }: ChangeWork): Promise<TeamMember[]> {
  if (!scope.all) {
    throw new GatewayError('route_not_allowed', 'Only an administrator of the proxy may add all users to a team.');
  }
  const users = await tenancy.users.all({}, allUsersMax + 1);
  if (users.length > allUsersMax) {
    throw refusal('all_users', `There are more than ${allUsersMax} users: name the members.`);
  }
  return users.map(({ userId, userEmail }) => ({ user_id: userId, user_email: userEmail, role: 'user' }));
}
