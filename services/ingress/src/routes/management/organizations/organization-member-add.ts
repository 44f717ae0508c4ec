import { OrganizationMemberAddRequest } from '@sluice/shared/api/litellm/organization.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { budgetOf, changeBudget } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { addedUserRowsOf } from '../users/user-rows.ts';
import { usersNamed } from '../users/users-named.ts';
import { organizationMemberChange } from './audited-organization.ts';
import { memberHolderOf, withOrganization } from './change-organization.ts';
import { memberBudgetOf } from './organization-changes.ts';
import type { FoundOrganizationMember } from './organization-info-of.ts';
import { organizationRowsOf } from './organization-rows.ts';

/** POST /organization/member_add. All of the named users become members, or none when one is a member already. */
export function organizationMemberAdd(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const {
      organization_id: organizationId,
      member: entries,
      ...fields
    } = parseManagementBody(OrganizationMemberAddRequest, req.body);
    const asked = memberBudgetOf(fields);

    const done = await withOrganization(deps, req, { authenticated, organizationId }, async (_organization, work) => {
      const { tenancy, record, scope, by } = work;
      const { named, users } = await usersNamed([entries].flat(), work, deps);
      const added: FoundOrganizationMember[] = [];
      for (const { userId, userEmail, role } of named) {
        if ((await tenancy.organizationMembers.find(organizationId, userId)) !== null) {
          throw alreadyMember(userId, organizationId);
        }
        const made = { organizationId, userId, role, userEmail, budgetId: null, createdAt: by.now };
        const member = { ...made, budgetId: await changeBudget(memberHolderOf(made), asked, work) };
        const stored = await tenancy.organizationMembers.insert(member);
        if (stored !== 'inserted') throw new Error(`a new member was refused by ${stored.violated}`);
        const after = { member, budget: await budgetOf(memberHolderOf(member), work) };
        await record(organizationMemberChange('created', { before: null, after }));
        added.push(after);
      }
      return { added, users, scope };
    });
    const [rows, userRows] = await Promise.all([
      organizationRowsOf({ members: done.added }, deps),
      addedUserRowsOf(done.users, done.scope, deps),
    ]);
    res.json({
      organization_id: organizationId,
      updated_users: userRows,
      updated_organization_memberships: rows.members,
    });
  };
}

function alreadyMember(userId: string, organizationId: string): GatewayError {
  return new GatewayError(
    'already_exists',
    `User=${userId} is already a member of the organization, or is named twice. Organization=${organizationId}`,
    { param: 'user_id' },
  );
}
