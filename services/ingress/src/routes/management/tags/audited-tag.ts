import type { Change } from '../../../audit/audit-line.ts';
import { withoutBooks } from '../without-books.ts';
import { tagInfoOf } from './tag-info-of.ts';
import type { FoundTag } from './tag-info-of.ts';

/** A change of a tag, for the audit log. One of the two is there. */
export function tagChange(
  action: Change['action'],
  { before, after }: { readonly before: FoundTag | null; readonly after: FoundTag | null },
): Change {
  const objectId = (after ?? before)?.tag.name;
  if (objectId === undefined) throw new Error('A change of no tag.');
  return { action, tableName: 'LiteLLM_TagTable', objectId, before: shown(before), after: shown(after) };
}

/** With the limits of its own in it, which have no lines of their own. */
function shown(found: FoundTag | null): object | null {
  return found && withoutBooks(tagInfoOf(found, undefined, 0, { timeZone: 'UTC', calendarBudgets: false }));
}
