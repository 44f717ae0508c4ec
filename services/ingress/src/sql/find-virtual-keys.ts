import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Those of the keys that exist, by hash. */
export async function findVirtualKeys(sql: Sql, hashes: readonly string[]): Promise<ReadonlyMap<string, VirtualKey>> {
  const { rows } = await sql.query('select * from ingress.virtual_keys where hash = any ($1)', [hashes]);
  return new Map(rows.map((row) => decodeEntity(tables.keys, row)).map((key) => [key.hash, key]));
}
