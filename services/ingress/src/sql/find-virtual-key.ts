import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** null: there is no such key. */
export async function findVirtualKey(sql: Sql, hash: KeyHash): Promise<VirtualKey | null> {
  const { rows } = await sql.query('select * from ingress.virtual_keys where hash = $1', [hash]);
  return rows.length === 0 ? null : decodeEntity(tables.keys, rows[0]);
}
