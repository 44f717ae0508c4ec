import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { VirtualKey } from '../auth/authenticated.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Those of the keys that exist, by the hash that was asked for; also by one that a key had before it was regenerated. */
export async function findVirtualKeys(sql: Sql, hashes: readonly string[]): Promise<ReadonlyMap<string, VirtualKey>> {
  const { rows } = await sql.query(
    `select asked.hash as asked, to_jsonb(key) as key
     from unnest($1::text[]) as asked (hash)
     left join ingress.replaced_keys as replaced on replaced.old_hash = asked.hash
     join ingress.virtual_keys as key on key.hash = coalesce(replaced.new_hash, asked.hash)`,
    [hashes],
  );
  return new Map(FoundRows.parse(rows).map((row) => [row.asked, decodeEntity(tables.keys, row.key)] as const));
}

const FoundRows = z.array(z.object({ asked: z.string(), key: z.unknown() }));
