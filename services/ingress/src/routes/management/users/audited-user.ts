import type { Change } from '../../../audit/audit-line.ts';
import type { User } from '../../../tenancy/user.ts';
import { anyWindows, withoutBooks } from '../without-books.ts';
import { userInfoOf } from './user-info-of.ts';

/** A change of a user, for the audit log. One of the two is there. */
export function userChange(
  action: Change['action'],
  { before, after }: { readonly before: User | null; readonly after: User | null },
): Change {
  const objectId = (after ?? before)?.userId;
  if (objectId === undefined) throw new Error('A change of no user.');
  return { action, tableName: 'LiteLLM_UserTable', objectId, before: shown(before), after: shown(after) };
}

/** As answers show them; what they are a member of has lines of its own. */
function shown(user: User | null): object | null {
  if (user === null) return null;
  const info = userInfoOf({ user, teamIds: [], organizations: [] }, undefined, 0, anyWindows);
  const { teams: _teams, organization_memberships: _memberships, ...own } = info;
  return withoutBooks(own);
}
