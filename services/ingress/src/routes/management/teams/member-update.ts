import { MemberUpdateRequest } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import { changedBy } from '../../../tenancy/history.ts';
import { unlimited } from '../../../tenancy/limits.ts';
import type { Limits } from '../../../tenancy/limits.ts';
import { askedLimits, newBudget } from '../../../tenancy/new-budget.ts';
import type { Member, Team } from '../../../tenancy/team.ts';
import { memberChange } from './audited-team.ts';
import { withTeam } from './change-team.ts';
import type { ChangeWork } from '../change-work.ts';
import { findMember } from './find-member.ts';
import { limitInfoOf } from '../limit-info.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { memberNotFound } from '../refusals.ts';
import { memberLimitsOf, refuseUnsupportedOfMember } from './team-changes.ts';

/** POST /team/member_update. Changes only what the body names. */
export function memberUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { team_id: teamId, ...fields } = parseManagementBody(MemberUpdateRequest, req.body);
    refuseUnsupportedOfMember(req.body, false);
    const limits = memberLimitsOf(fields, deps);

    const asked = { authenticated, teamId, right: 'admin' } as const;
    const { member, budget } = await withTeam(deps, req, asked, async (team, work) => {
      const before = await findMember(team, fields, work);
      const limitsBefore = await limitsOf(team, before, work);
      const limitsAfter = await changeLimits({ member: before, current: limitsBefore }, limits, work, deps);
      const isOwn = limitsAfter !== null && limitsAfter.budgetId !== team.memberBudgetId;
      const after = await work.tenancy.members.update([teamId, before.userId], {
        ...(fields.role != null && { role: fields.role }),
        ...(fields.allowed_models != null && { models: fields.allowed_models }),
        budgetId: isOwn ? limitsAfter.budgetId : before.budgetId,
      });
      if (after === null || 'violated' in after) throw memberNotFound(before.userId, teamId);
      const change = {
        before: { member: before, budget: limitsBefore },
        after: { member: after, budget: limitsAfter },
      };
      await work.record(memberChange('updated', change));
      return change.after;
    });
    const { max_budget, ...shown } = limitInfoOf(budget ?? unlimited, deps.now(), deps.windows);
    res.json({
      team_id: teamId,
      user_id: member.userId,
      user_email: member.userEmail,
      role: member.role,
      max_budget_in_team: max_budget,
      ...shown,
      allowed_models: member.models,
    });
  };
}

async function limitsOf(team: Team, member: Member, { tenancy }: ChangeWork): Promise<Budget | null> {
  const id = member.budgetId ?? team.memberBudgetId;
  return id === null ? null : tenancy.budgets.find(id);
}

/** The member's own limits are changed; one who has the team's gets their own, unless there is nothing but to clear. */
async function changeLimits(
  { member, current }: { readonly member: Member; readonly current: Budget | null },
  limits: Partial<Limits>,
  { tenancy, by }: ChangeWork,
  { newId }: Pick<ManagementDeps, 'newId'>,
): Promise<Budget | null> {
  if (member.budgetId !== null) {
    const changes = Object.keys(limits).length === 0 ? {} : { ...limits, ...changedBy(by) };
    const after = await tenancy.budgets.update([member.budgetId], changes);
    if (after === null || 'violated' in after) throw new Error(`no limits of the member ${member.userId}`);
    return after;
  }
  const changes = askedLimits(limits);
  if (Object.keys(changes).length === 0) return current;
  const budget = newBudget(newId(), { base: current, changes, by });
  await tenancy.budgets.insertMissing([budget]);
  return budget;
}
