import type { Request } from 'express';
import type { AuditAction } from '../../../audit/audit-line.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import { changedBy } from '../../../tenancy/history.ts';
import type { Team } from '../../../tenancy/team.ts';
import { teamChange } from './audited-team.ts';
import { withChanges } from '../change-work.ts';
import type { ChangeWork } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { organizationNotFound, teamNotFound } from '../refusals.ts';
import type { TeamChanges } from './team-changes.ts';
import type { FoundTeam } from './team-info-of.ts';
import { requireTeamRight } from './team-rights.ts';
import type { TeamRight } from './team-rights.ts';

interface TeamAsked {
  readonly authenticated: Authenticated;
  readonly teamId: string;
  readonly right: TeamRight;
}

/**
 * Does something with a team that nobody else changes meanwhile, or whose members. @see withChanges
 *
 * @throws GatewayError not_found, or route_not_allowed
 */
export async function withTeam<T>(
  deps: ManagementDeps,
  req: Request,
  { authenticated, teamId, right }: TeamAsked,
  work: (team: Team, with_: ChangeWork) => Promise<T>,
): Promise<T> {
  return withChanges(deps, req, authenticated, async (with_) => {
    const locked = await with_.tenancy.teams.lock(teamId);
    return work(requireTeamRight(with_.scope, { team: locked, teamId, route: req.path }, right), with_);
  });
}

/** Changes a team's own row, and records it. */
export async function changeTeam(
  deps: ManagementDeps,
  req: Request,
  { action = 'updated', ...asked }: TeamAsked & { readonly action?: AuditAction },
  changesOf: (team: Team, work: ChangeWork) => TeamChanges | Promise<TeamChanges>,
): Promise<Team> {
  return withTeam(deps, req, asked, async (team, work) => {
    const { tenancy, record, by } = work;
    const before = await withoutMembers(team, tenancy);
    const changes = await changesOf(team, work);
    const updated = { ...changes, ...changedBy(by) };
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
