import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import { seenOf, type Scope } from '../../../tenancy/scope.ts';
import { accountIdOf } from '../../../tenancy/special-users.ts';
import type { User } from '../../../tenancy/user.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import type { Row } from '../row.ts';
import { membersMax } from '../teams/team-rows.ts';
import { userInfoOf } from './user-info-of.ts';

interface UserRowsDeps {
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  readonly tenancy: Pick<Tenancy, 'members' | 'organizationMembers'>;
  readonly windows: WindowRules;
  readonly now: () => number;
}

/**
 * Users as answers show them, in the order given, with one question to the books.
 *
 * @param scope of who sees them: their teams and organizations that this does not reach are left out
 */
export async function userRowsOf(
  users: readonly User[],
  { reports, tenancy, windows, now }: UserRowsDeps,
  scope: Scope,
): Promise<readonly Row[]> {
  if (users.length === 0) return [];
  const time = now();
  const where = { userId: users.map(({ userId }) => userId) };
  const [members, organizations, balances] = await Promise.all([
    tenancy.members.all({ where }, membersMax),
    tenancy.organizationMembers.all({ where }, membersMax),
    reports.balancesOf(users.map((user) => mainAccountOf(accountIdOf(user.userId), user, time, windows))),
  ]);
  const teamsOf = Map.groupBy(members, ({ userId }) => userId);
  const organizationsOf = Map.groupBy(organizations, ({ userId }) => userId);
  return users.map((user, index) => {
    const sees = seenOf(scope, user.userId);
    const teams = (teamsOf.get(user.userId) ?? []).filter(({ teamId }) => sees({ teamId, organizationId: null }));
    const of = (organizationsOf.get(user.userId) ?? []).filter(({ organizationId }) =>
      sees({ teamId: null, organizationId }),
    );
    const found = { user, teamIds: teams.map(({ teamId }) => teamId), organizations: of };
    return userInfoOf(found, balances[index], time, windows);
  });
}

/** One user as answers show them. */
export async function userRowOf(user: User, deps: UserRowsDeps, scope: Scope): Promise<Row> {
  const [row] = await userRowsOf([user], deps, scope);
  if (!row) throw new Error('a user without a row');
  return row;
}

/** Users who were made members, as whoever did it may see them: all of them, or only who they are. */
export async function addedUserRowsOf(
  users: readonly User[],
  scope: Scope,
  deps: UserRowsDeps,
): Promise<readonly Row[]> {
  if (scope.all) return userRowsOf(users, deps, scope);
  return users.map(({ userId, userEmail, userAlias }) => ({
    user_id: userId,
    user_email: userEmail,
    user_alias: userAlias,
  }));
}
