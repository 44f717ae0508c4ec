import type { Member, Team } from '../../../tenancy/team.ts';
import { findUsersByEmail } from '../../../sql/find-users-by-email.ts';
import type { TeamWork } from './change-team.ts';
import { refusal } from '../limit-changes.ts';
import { memberNotFound } from '../refusals.ts';

/**
 * The member that a request names: by id, or by e-mail address as the team or the user has it.
 *
 * @throws GatewayError not_found, or invalid_management_request for one that names nobody
 */
export async function findMember(
  { teamId }: Team,
  named: { readonly user_id?: string | null | undefined; readonly user_email?: string | null | undefined },
  { sql, tenancy }: Pick<TeamWork, 'sql' | 'tenancy'>,
): Promise<Member> {
  const { user_id: id, user_email: email } = named;
  if (id != null) {
    const member = await tenancy.members.find(teamId, id);
    if (member === null) throw memberNotFound(id, teamId);
    return member;
  }
  if (email == null) throw refusal('user_id', 'Name the member: user_id or user_email.');
  const user = (await findUsersByEmail(sql, [email])).get(email.toLowerCase());
  const found =
    (user && (await tenancy.members.find(teamId, user.userId))) ??
    (await tenancy.members.all({ where: { teamId, userEmail: email } }, 1))[0];
  if (!found) throw memberNotFound(email, teamId);
  return found;
}
