import type { MemberLimits, TeamMember } from '@sluice/shared/api/litellm/team.ts';
import { newBudget, askedLimits } from '../../../tenancy/new-budget.ts';
import type { Team } from '../../../tenancy/team.ts';
import type { User } from '../../../tenancy/user.ts';
import { memberChange } from './audited-team.ts';
import type { ChangeWork } from '../change-work.ts';
import { memberLimitsOf } from './team-changes.ts';
import type { FoundMember } from './team-info-of.ts';
import { usersNamed } from '../users/users-named.ts';
import type { NamedUser, UserMaker } from '../users/users-named.ts';

/** What came of each entry, in their order. */
interface AddedMembers {
  readonly added: readonly FoundMember[];
  /** Who was a member already, or is named twice. */
  readonly skipped: readonly NamedUser[];
  /** The rows of those who were added, as far as they have one. */
  readonly users: readonly User[];
}

/**
 * Makes users members of a team, which is locked or new. Users whom nobody has made are made; each that gets limits has
 * them for themselves.
 */
export async function addMembers(
  asked: { readonly team: Team; readonly entries: readonly TeamMember[]; readonly limits?: MemberLimits },
  { sql, tenancy, record, by }: Omit<ChangeWork, 'scope'>,
  maker: UserMaker,
): Promise<AddedMembers> {
  const { team, entries, limits = {} } = asked;
  const { named, users } = await usersNamed(entries, { sql, tenancy, record, by }, maker);
  const there = await tenancy.members.all(
    { where: { teamId: team.teamId, userId: named.map(({ userId }) => userId) } },
    entries.length,
  );
  const taken = new Set(there.map(({ userId }) => userId));
  const [fresh, skipped]: [NamedUser[], NamedUser[]] = [[], []];
  for (const each of named) {
    (taken.has(each.userId) ? skipped : fresh).push(each);
    taken.add(each.userId);
  }

  const base = team.memberBudgetId === null ? null : await tenancy.budgets.find(team.memberBudgetId);
  const changes = askedLimits(memberLimitsOf(limits, maker));
  const hasOwn = Object.keys(changes).length > 0;
  const added = fresh.map(({ userId, userEmail, role }): FoundMember => {
    const budget = hasOwn ? newBudget(maker.newId(), { base, changes, by }) : base;
    const member = {
      teamId: team.teamId,
      userId,
      role,
      userEmail,
      budgetId: hasOwn ? (budget?.budgetId ?? null) : null,
      models: limits.allowed_models ?? [],
      createdAt: by.now,
    };
    return { member, budget };
  });
  if (hasOwn) await tenancy.budgets.insertMissing(added.flatMap(({ budget }) => budget ?? []));
  await tenancy.members.insertMissing(added.map(({ member }) => member));
  for (const found of added) await record(memberChange('created', { before: null, after: found }));
  const ids = new Set(fresh.map(({ userId }) => userId));
  return { added, skipped, users: users.filter(({ userId }) => ids.has(userId)) };
}
