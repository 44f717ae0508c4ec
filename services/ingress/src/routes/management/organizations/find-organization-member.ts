import type { OrganizationMember } from '../../../tenancy/organization.ts';
import type { ChangeWork } from '../change-work.ts';
import { findNamed } from '../find-named.ts';
import type { NamedMember } from '../find-named.ts';
import { organizationMemberNotFound } from '../refusals.ts';

/**
 * The member of an organization that a request names. @see findNamed
 *
 * @throws GatewayError not_found, or invalid_management_request
 */
export async function findOrganizationMember(
  organizationId: string,
  named: NamedMember,
  { sql, tenancy: { organizationMembers } }: Pick<ChangeWork, 'sql' | 'tenancy'>,
): Promise<OrganizationMember> {
  return findNamed(named, sql, {
    find: (userId) => organizationMembers.find(organizationId, userId),
    withEmail: (userEmail) => organizationMembers.all({ where: { organizationId, userEmail } }, 1),
    notFound: (name) => organizationMemberNotFound(name, organizationId),
  });
}
