import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import { unlimited } from '../../../tenancy/limits.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import { pairId } from '../../../tenancy/pair-id.ts';
import type { Member, Team } from '../../../tenancy/team.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetsById } from '../holder-budget.ts';
import type { Row } from '../row.ts';
import { membershipInfoOf, teamInfoOf } from './team-info-of.ts';
import type { FoundMember, FoundTeam } from './team-info-of.ts';

interface TeamRowsDeps {
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  readonly tenancy: Pick<Tenancy, 'members' | 'budgets'>;
  readonly windows: WindowRules;
  readonly now: () => number;
}

/** Members in one answer; of more, the latest are left out. */
export const membersMax = 20_000;

/** Teams with their members, in the order given. */
export async function withMembers(
  teams: readonly Team[],
  { members, budgets }: Pick<Tenancy, 'members' | 'budgets'>,
): Promise<readonly FoundTeam[]> {
  if (teams.length === 0) return [];
  const all = await members.all({ where: { teamId: teams.map(({ teamId }) => teamId) } }, membersMax + 1);
  const ofTeam = Map.groupBy(all, ({ teamId }) => teamId);
  const found = await budgetsById(
    teams.map(({ memberBudgetId }) => memberBudgetId),
    { budgets },
  );
  return teams.map((team) => ({
    team,
    members: ofTeam.get(team.teamId) ?? [],
    memberBudget: found.get(team.memberBudgetId ?? '') ?? null,
  }));
}

/** Members with the limits that hold for them, in the order given. */
export async function withBudgets(
  members: readonly { readonly member: Member; readonly memberBudgetId: string | null }[],
  { budgets }: Pick<Tenancy, 'budgets'>,
): Promise<readonly FoundMember[]> {
  const idOf = (each: (typeof members)[number]) => each.member.budgetId ?? each.memberBudgetId;
  const found = await budgetsById(members.map(idOf), { budgets });
  return members.map((each) => ({ member: each.member, budget: found.get(idOf(each) ?? '') ?? null }));
}

/** Teams and members as answers show them, each list in the order given, with one question to the books. */
export async function teamRowsOf(
  found: { readonly teams: readonly FoundTeam[]; readonly members?: readonly FoundMember[] },
  { reports, windows, now }: Omit<TeamRowsDeps, 'tenancy'>,
): Promise<{ readonly teams: readonly Row[]; readonly members: readonly Row[] }> {
  const { teams, members = [] } = found;
  const time = now();
  const balances = await reports.balancesOf([
    ...teams.map(({ team }) => mainAccountOf(`team:${team.teamId}`, team, time, windows)),
    ...members.map(({ member: { teamId, userId }, budget }) =>
      mainAccountOf(pairId('member', teamId, userId), budget ?? unlimited, time, windows),
    ),
  ]);
  return {
    teams: teams.map((each, index) => teamInfoOf(each, balances[index], time, windows)),
    members: members.map((each, index) => membershipInfoOf(each, balances[teams.length + index], time, windows)),
  };
}

/** One team as answers show it. */
export async function teamRowOf(team: Team, deps: TeamRowsDeps): Promise<Row> {
  const { teams } = await teamRowsOf({ teams: await withMembers([team], deps.tenancy) }, deps);
  const [row] = teams;
  if (!row) throw new Error('a team without a row');
  return row;
}
