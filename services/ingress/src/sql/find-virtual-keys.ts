import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { VirtualKeyRow } from './virtual-key-row.ts';

/** Those of the keys that exist, by hash. */
export async function findVirtualKeys(sql: Sql, hashes: readonly string[]): Promise<ReadonlyMap<string, VirtualKey>> {
  const { rows } = await sql.query('select * from ingress.virtual_keys where hash = any ($1)', [hashes]);
  return new Map(rows.map((row) => VirtualKeyRow.parse(row)).map((key) => [key.hash, key]));
}
