import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { entitiesIn } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/**
 * Stores a new key. That its hash and its alias are new is the table's to say, so two at once cannot both be. To be
 * called in a transaction, which is to be taken back for what is not `inserted`.
 */
export async function insertVirtualKey(
  sql: Sql,
  key: VirtualKey,
): Promise<'inserted' | 'alias-taken' | 'key-taken' | 'no-budget'> {
  const stored = await entitiesIn<VirtualKey>(sql, tables.keys).insert(key);
  if (stored !== 'inserted') return refusalOf(stored.violated);
  return (await isReplaced(sql, key.hash)) ? 'key-taken' : stored;
}

/**
 * Whether a hash is what a key was before it was regenerated. Asked after the hash was stored: whoever is just
 * regenerating such a key has it in the same unique index until they are done.
 */
export async function isReplaced(sql: Sql, hash: KeyHash): Promise<boolean> {
  const { rows } = await sql.query('select from ingress.replaced_keys where old_hash = $1', [hash]);
  return rows.length > 0;
}

/** What the table's constraints mean. */
export function refusalOf(violated: string): 'alias-taken' | 'key-taken' | 'no-budget' {
  switch (violated) {
    case 'virtual_keys_key_alias_unique':
      return 'alias-taken';
    case 'virtual_keys_hash_unique':
      return 'key-taken';
    case 'virtual_keys_budget':
      return 'no-budget';
    default:
      throw new Error(`virtual_keys has refused a row by ${violated}`);
  }
}
