import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Request } from 'express';
import type { AuditAction } from '../../../audit/audit-line.ts';
import type { RecordChange } from '../../../audit/changes.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Maker } from '../../../tenancy/new-budget.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { Team } from '../../../tenancy/team.ts';
import { teamChange } from './audited-team.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { organizationNotFound, teamNotFound } from '../refusals.ts';
import type { TeamChanges } from './team-changes.ts';
import type { FoundTeam } from './team-info-of.ts';
import { requireTeamRight } from './team-rights.ts';
import type { TeamRight } from './team-rights.ts';

/** What a change of a team is made with: all of it in one transaction. */
export interface TeamWork {
  readonly sql: Sql;
  readonly tenancy: Tenancy;
  readonly record: RecordChange;
  readonly scope: Scope;
  readonly by: Maker;
}

interface TeamAsked {
  readonly authenticated: Authenticated;
  readonly teamId: string;
  readonly right: TeamRight;
}

/**
 * Does something with a team that nobody else changes meanwhile, or whose members. All of it happens, with its lines in
 * the audit log, or nothing; it counts in this process at once.
 *
 * @throws GatewayError not_found, or route_not_allowed
 */
export async function withTeam<T>(
  { scopeOf, changes, now, invalidateTenancy }: ManagementDeps,
  req: Request,
  { authenticated, teamId, right }: TeamAsked,
  work: (team: Team, with_: TeamWork) => Promise<T>,
): Promise<T> {
  const scope = await scopeOf(authenticated);
  const by = { userId: authenticated.caller.userId, now: now() };
  const result = await changes.run(authenticated, req, async (sql, record) => {
    const tenancy = tenancyIn(sql);
    const locked = await tenancy.teams.lock(teamId);
    const team = requireTeamRight(scope, { team: locked, teamId, route: req.path }, right);
    return work(team, { sql, tenancy, record, scope, by });
  });
  invalidateTenancy();
  return result;
}

/** Changes a team's own row, and records it. */
export async function changeTeam(
  deps: ManagementDeps,
  req: Request,
  { action = 'updated', ...asked }: TeamAsked & { readonly action?: AuditAction },
  changesOf: (team: Team, work: TeamWork) => TeamChanges | Promise<TeamChanges>,
): Promise<Team> {
  return withTeam(deps, req, asked, async (team, work) => {
    const { tenancy, record, by } = work;
    const before = await withoutMembers(team, tenancy);
    const changes = await changesOf(team, work);
    const updated = { ...changes, updatedAt: by.now, updatedBy: by.userId };
    const after = await tenancy.teams.update([team.teamId], updated);
    if (after === null) throw teamNotFound(team.teamId);
    if ('violated' in after) throw teamRefusalOf(after.violated, changes);
    await record(teamChange(action, { before, after: await withoutMembers(after, tenancy) }));
    return after;
  });
}

/** What the constraints of the table mean. */
export function teamRefusalOf(violated: string, { organizationId }: Pick<TeamChanges, 'organizationId'>): Error {
  if (violated === 'teams_organization') return organizationNotFound(organizationId);
  return new Error(`teams has refused a row by ${violated}`);
}

async function withoutMembers(team: Team, { budgets }: Tenancy): Promise<FoundTeam> {
  const memberBudget = team.memberBudgetId === null ? null : await budgets.find(team.memberBudgetId);
  return { team, members: [], memberBudget };
}
