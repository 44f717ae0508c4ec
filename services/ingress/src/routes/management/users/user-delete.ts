import { UserDeleteRequest } from '@sluice/shared/api/litellm/user.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { deleteKeysOf } from '../../../sql/delete-keys-of.ts';
import { deleteUnusedBudgets } from '../../../sql/delete-unused-budgets.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { keyChange } from '../keys/audited-key.ts';
import { rowsOf } from '../deleted-rows.ts';
import { organizationMemberChange } from '../organizations/audited-organization.ts';
import { memberChange } from '../teams/audited-team.ts';
import { userChange } from './audited-user.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { userNotFound } from '../refusals.ts';
import { refuseReserved } from './user-changes.ts';

/**
 * POST /user/delete. All of the named users, or none when one does not exist, with their keys and memberships. Keys of
 * service accounts stay, and what was spent stays in the books.
 */
export function userDelete(deps: ManagementDeps): RequestHandler {
  const { authenticate, changes, invalidateTenancy } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { user_ids: named } = parseManagementBody(UserDeleteRequest, req.body);
    named.forEach(refuseReserved);
    const userIds = [...new Set(named)].toSorted(); // in one order, so that two deletions never wait for each other

    await changes.run(authenticated, req, async (sql, record) => {
      const tenancy = tenancyIn(sql);
      const users = [];
      for (const userId of userIds) {
        const user = await tenancy.users.lock(userId);
        if (user === null) throw userNotFound(userId);
        users.push(user);
      }
      for (const key of await deleteKeysOf(sql, { userIds })) {
        await record(keyChange('deleted', { before: key, after: null }));
      }
      const members = rowsOf(await tenancy.members.delete({ userId: userIds }));
      for (const member of members) {
        await record(memberChange('deleted', { before: { member, budget: null }, after: null }));
      }
      const organizations = rowsOf(await tenancy.organizationMembers.delete({ userId: userIds }));
      for (const member of organizations) {
        await record(organizationMemberChange('deleted', { before: { member, budget: null }, after: null }));
      }
      await deleteUnusedBudgets(
        sql,
        [...members, ...organizations].flatMap(({ budgetId }) => budgetId ?? []),
      );
      await tenancy.users.delete({ userId: userIds });
      for (const user of users) await record(userChange('deleted', { before: user, after: null }));
    });
    invalidateTenancy();
    res.json(userIds.length);
  };
}
