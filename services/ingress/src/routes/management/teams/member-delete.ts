import { MemberDeleteRequest } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { deleteKeysOf } from '../../../sql/delete-keys-of.ts';
import { deleteUnusedBudgets } from '../../../sql/delete-unused-budgets.ts';
import { keyChange } from '../keys/audited-key.ts';
import { memberChange } from './audited-team.ts';
import { withTeam } from './change-team.ts';
import { findMember } from './find-member.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { teamRowOf, withBudgets } from './team-rows.ts';

/**
 * POST /team/member_delete. With the keys that the member had in the team: whoever is no member any more spends no more of
 * its budget. Those of service accounts stay.
 */
export function memberDelete(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId, ...named } = parseManagementBody(MemberDeleteRequest, req.body);
    const asked = { authenticated, teamId, right: 'admin' } as const;
    const team = await withTeam(deps, req, asked, async (locked, work) => {
      const { sql, tenancy, record } = work;
      const member = await findMember(locked, named, work);
      const [before = null] = await withBudgets([{ member, memberBudgetId: locked.memberBudgetId }], tenancy);
      for (const key of await deleteKeysOf(sql, { teamIds: [teamId], userIds: [member.userId] })) {
        await record(keyChange('deleted', { before: key, after: null }));
      }
      await tenancy.members.delete({ teamId, userId: member.userId });
      await deleteUnusedBudgets(sql, member.budgetId === null ? [] : [member.budgetId]);
      await record(memberChange('deleted', { before, after: null }));
      return locked;
    });
    res.json(await teamRowOf(team, deps));
  };
}
