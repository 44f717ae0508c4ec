import type { History } from '../../tenancy/history.ts';

/** An entity as answers show it. */
export type Row = Readonly<Record<string, unknown>>;

/** Who made and changed it, and when, as answers show it. */
export function historyInfoOf({ createdAt, createdBy, updatedAt, updatedBy }: History) {
  return {
    created_at: new Date(createdAt).toISOString(),
    created_by: createdBy,
    updated_at: new Date(updatedAt).toISOString(),
    updated_by: updatedBy,
  };
}
