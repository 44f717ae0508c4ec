import type { Change } from '../../../audit/audit-line.ts';
import type { OrganizationMember } from '../../../tenancy/organization.ts';
import { pairId } from '../../../tenancy/pair-id.ts';
import { anyWindows, withoutBooks } from '../without-books.ts';
import { organizationInfoOf, organizationMemberInfoOf } from './organization-info-of.ts';
import type { FoundOrganization, FoundOrganizationMember } from './organization-info-of.ts';

/** What an object is after a change, and was before it. One of the two is there. */
interface BeforeAndAfter<T> {
  readonly before: T | null;
  readonly after: T | null;
}

/** A change of an organization, for the audit log. Changes of members have lines of their own. */
export function organizationChange(
  action: Change['action'],
  { before, after }: BeforeAndAfter<FoundOrganization>,
): Change {
  const objectId = (after ?? before)?.organization.organizationId;
  if (objectId === undefined) throw new Error('A change of no organization.');
  const shown = (found: FoundOrganization | null) =>
    found && withoutBooks(organizationInfoOf(found, undefined, 0, anyWindows));
  return { action, tableName: 'LiteLLM_OrganizationTable', objectId, before: shown(before), after: shown(after) };
}

/** A change of a member of an organization, for the audit log. */
export function organizationMemberChange(
  action: Change['action'],
  { before, after }: BeforeAndAfter<FoundOrganizationMember>,
): Change {
  const member: OrganizationMember | undefined = (after ?? before)?.member;
  if (member === undefined) throw new Error('A change of no member.');
  const objectId = pairId(member.organizationId, member.userId);
  const shown = (found: FoundOrganizationMember | null) =>
    found && withoutBooks(organizationMemberInfoOf(found, undefined, 0, anyWindows));
  return { action, tableName: 'LiteLLM_OrganizationMembership', objectId, before: shown(before), after: shown(after) };
}
