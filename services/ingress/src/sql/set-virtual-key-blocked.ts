import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import type { Maker } from '../tenancy/history.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Blocks a key, or lets it in again, perhaps no longer vouched. null: there is no such key. */
export async function setVirtualKeyBlocked(
  sql: Sql,
  hash: KeyHash,
  { blocked, vouched = true }: Pick<VirtualKey, 'blocked'> & Partial<Pick<VirtualKey, 'vouched'>>,
  by: Maker,
): Promise<VirtualKey | null> {
  const { rows } = await sql.query(
    `update ingress.virtual_keys
     set blocked = $2, vouched = vouched and $5, updated_at = $3, updated_by = $4
     where hash = $1
     returning *`,
    [hash, blocked, new Date(by.now), by.userId, vouched],
  );
  return rows.length === 0 ? null : decodeEntity(tables.keys, rows[0]);
}
