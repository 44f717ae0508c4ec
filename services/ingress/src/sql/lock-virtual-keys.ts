import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/**
 * Those of the keys that exist, as they are before a change: nobody else changes them until the transaction ends.
 * Locked in one order, so that two changes of the same keys never wait for each other.
 */
export async function lockVirtualKeys(
  sql: Sql,
  { hashes = [], aliases = [] }: { readonly hashes?: readonly string[]; readonly aliases?: readonly string[] },
): Promise<readonly VirtualKey[]> {
  const { rows } = await sql.query(
    `select * from ingress.virtual_keys
     where hash = any ($1::text[]) or key_alias = any ($2::text[])
     order by hash
     for update`,
    [hashes, aliases],
  );
  return rows.map((row) => decodeEntity(tables.keys, row));
}
