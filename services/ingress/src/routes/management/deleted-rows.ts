import type { Refused } from '../../sql/entity-table.ts';

/** What a deletion of memberships has deleted: nothing refers to them, so nothing refuses that they go. */
export function rowsOf<T>(deleted: readonly T[] | Refused): readonly T[] {
  if ('violated' in deleted) throw new Error(`a membership was kept by ${deleted.violated}`);
  return deleted;
}
