import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { VirtualKeyRow } from './virtual-key-row.ts';

/** null: there is no such key. An alias never names two. */
export async function findVirtualKeyByAlias(sql: Sql, keyAlias: string): Promise<VirtualKey | null> {
  const { rows } = await sql.query('select * from ingress.virtual_keys where key_alias = $1', [keyAlias]);
  return rows.length === 0 ? null : VirtualKeyRow.parse(rows[0]);
}
