import type { GatewayError } from '@sluice/shared/errors.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { findUsersByEmail } from '../../sql/find-users-by-email.ts';
import { refusal } from './limit-changes.ts';

/** How a request names one member. */
export interface NamedMember {
  readonly user_id?: string | null | undefined;
  readonly user_email?: string | null | undefined;
}

/** The members of one thing. */
interface Members<Member> {
  readonly find: (userId: string) => Promise<Member | null>;
  readonly withEmail: (email: string) => Promise<readonly Member[]>;
  readonly notFound: (name: string) => GatewayError;
}

/**
 * The member that a request names: by id, or by e-mail address as the membership or the user has it.
 *
 * @throws GatewayError as `notFound` says, or invalid_management_request for a request that names nobody
 */
export async function findNamed<Member>(
  { user_id: id, user_email: email }: NamedMember,
  sql: Sql,
  { find, withEmail, notFound }: Members<Member>,
): Promise<Member> {
  if (id != null) {
    const member = await find(id);
    if (member === null) throw notFound(id);
    return member;
  }
  if (email == null) throw refusal('user_id', 'Name the member: user_id or user_email.');
  const user = (await findUsersByEmail(sql, [email])).get(email.toLowerCase());
  const found = (user && (await find(user.userId))) ?? (await withEmail(email))[0];
  if (!found) throw notFound(email);
  return found;
}
