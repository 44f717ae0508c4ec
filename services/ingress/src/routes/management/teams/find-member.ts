import type { Member, Team } from '../../../tenancy/team.ts';
import type { ChangeWork } from '../change-work.ts';
import { findNamed } from '../find-named.ts';
import type { NamedMember } from '../find-named.ts';
import { memberNotFound } from '../refusals.ts';

/**
 * The member of a team that a request names. @see findNamed
 *
 * @throws GatewayError not_found, or invalid_management_request
 */
export async function findMember(
  { teamId }: Team,
  named: NamedMember,
  { sql, tenancy }: Pick<ChangeWork, 'sql' | 'tenancy'>,
): Promise<Member> {
  return findNamed(named, sql, {
    find: (userId) => tenancy.members.find(teamId, userId),
    withEmail: (userEmail) => tenancy.members.all({ where: { teamId, userEmail } }, 1),
    notFound: (name) => memberNotFound(name, teamId),
  });
}
