import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** null: there is no such key. An alias never names two. */
export async function findVirtualKeyByAlias(sql: Sql, keyAlias: string): Promise<VirtualKey | null> {
  const { rows } = await sql.query('select * from ingress.virtual_keys where key_alias = $1', [keyAlias]);
  return rows.length === 0 ? null : decodeEntity(tables.keys, rows[0]);
}
