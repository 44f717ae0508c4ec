import type { Change } from '../../../audit/audit-line.ts';
import { pairId } from '../../../tenancy/pair-id.ts';
import { anyWindows, withoutBooks } from '../without-books.ts';
import { membershipInfoOf, teamInfoOf } from './team-info-of.ts';
import type { FoundMember, FoundTeam } from './team-info-of.ts';

/** What an object is after a change, and was before it. One of the two is there. */
interface BeforeAndAfter<T> {
  readonly before: T | null;
  readonly after: T | null;
}

/** A change of a team, for the audit log. */
export function teamChange(action: Change['action'], { before, after }: BeforeAndAfter<FoundTeam>): Change {
  const objectId = (after ?? before)?.team.teamId;
  if (objectId === undefined) throw new Error('A change of no team.');
  const shown = (found: FoundTeam | null) => found && shownTeam(found, action === 'created' || action === 'deleted');
  return { action, tableName: 'LiteLLM_TeamTable', objectId, before: shown(before), after: shown(after) };
}

/** A change of a member of a team, for the audit log. */
export function memberChange(action: Change['action'], { before, after }: BeforeAndAfter<FoundMember>): Change {
  const member = (after ?? before)?.member;
  if (member === undefined) throw new Error('A change of no member.');
  const shown = (found: FoundMember | null) => found && withoutBooks(membershipInfoOf(found, undefined, 0, anyWindows));
  const objectId = pairId(member.teamId, member.userId);
  return { action, tableName: 'LiteLLM_TeamMembership', objectId, before: shown(before), after: shown(after) };
}

/** Changes of the members have lines of their own. */
function shownTeam(found: FoundTeam, hasMembers: boolean): object {
  const info = teamInfoOf(found, undefined, 0, anyWindows);
  const { admins: _admins, members: _members, members_with_roles: _roles, ...own } = info;
  return withoutBooks(hasMembers ? info : own);
}
