import type { TeamMember } from '@sluice/shared/api/litellm/team.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { findUsersByEmail } from '../../../sql/find-users-by-email.ts';
import { madeBy } from '../../../tenancy/history.ts';
import { newUser } from '../../../tenancy/new-user.ts';
import { operatorId } from '../../../tenancy/special-users.ts';
import type { User } from '../../../tenancy/user.ts';
import type { NamedMember } from '../find-named.ts';
import { userChange } from './audited-user.ts';
import type { ChangeWork } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { userChangesOf } from './user-changes.ts';
import type { UserFields } from '@sluice/shared/api/litellm/user.ts';

/** Makes those users whom nobody has made. */
export interface UserMaker extends Pick<ManagementDeps, 'models'> {
  readonly newId: () => string;
  /** Fields of users of whom nothing is said. */
  readonly userSettings: { readonly defaults: UserFields };
}

/** One that a request names, by id. */
export interface NamedUser<Role extends string = TeamMember['role']> {
  readonly userId: string;
  readonly userEmail: string | null;
  readonly role: Role;
}

/** How a request names one. */
type Entry<Role> = NamedMember & { readonly role: Role };

/** Whoever is only met as a member may use nothing alone, unless the configuration says so. */
const modelsOfMet = ['no-default-models'];

/**
 * The users that entries name, in their order; by e-mail address too. One whom nobody has made gets a row.
 *
 * @returns `users`: the rows of all of them; the operator has none
 * @throws GatewayError already_exists for an address that is another user's
 */
export async function usersNamed<Role extends string>(
  entries: readonly Entry<Role>[],
  { sql, tenancy, record, by }: Omit<ChangeWork, 'scope'>,
  maker: UserMaker,
): Promise<{ readonly named: readonly NamedUser<Role>[]; readonly users: readonly User[] }> {
  const addressed = entries.flatMap(({ user_id: id, user_email: email }) => (id == null && email != null ? email : []));
  const known = new Map(
    [...(await findUsersByEmail(sql, addressed))].map(([address, { userId }]) => [address, userId]),
  );
  const named = entries.map(({ user_id, user_email, role }): NamedUser<Role> => {
    const userEmail = user_email ?? null;
    const address = (userEmail ?? '').toLowerCase();
    const userId = user_id ?? known.get(address) ?? maker.newId();
    if (user_id == null) known.set(address, userId);
    return { userId, userEmail, role };
  });

  const ids = [...new Set(named.map(({ userId }) => userId))].filter((id) => id !== operatorId);
  const there = await tenancy.users.all({ where: { userId: ids } }, ids.length);
  const missing = new Set(ids).difference(new Set(there.map(({ userId }) => userId)));
  const made = await tenancy.users.insertMissing(
    [...missing].toSorted().map((userId) => ({
      ...newUser,
      models: modelsOfMet,
      ...userChangesOf(maker.userSettings.defaults, maker),
      userId,
      userEmail: named.find((each) => each.userId === userId)?.userEmail ?? null,
      ...madeBy(by),
    })),
  );
  for (const user of made) await record(userChange('created', { before: null, after: user }));
  const refused = missing.difference(new Set(made.map(({ userId }) => userId)));
  if (refused.size > 0) await requireRows([...refused]);
  return { named, users: [...there, ...made] };

  /** One who was refused was made by somebody else in between, or has an address that is another's. */
  async function requireRows(userIds: readonly string[]): Promise<void> {
    const rows = new Set(
      (await tenancy.users.all({ where: { userId: userIds } }, userIds.length)).map((u) => u.userId),
    );
    const wrong = named.find(({ userId }) => userIds.includes(userId) && !rows.has(userId));
    if (wrong) throw emailTaken(wrong.userEmail);
  }
}

export function emailTaken(email: string | null | undefined): GatewayError {
  return new GatewayError('already_exists', `User with email ${email} already exists.`, { param: 'user_email' });
}
