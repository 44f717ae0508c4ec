import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../auth/authenticated.ts';
import { entitiesIn } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Stores a new key. That its hash and its alias are new is the table's to say, so two at once cannot both be. */
export async function insertVirtualKey(
  sql: Sql,
  key: VirtualKey,
): Promise<'inserted' | 'alias-taken' | 'key-taken' | 'no-budget'> {
  const stored = await entitiesIn<VirtualKey>(sql, tables.keys).insert(key);
  return stored === 'inserted' ? stored : refusalOf(stored.violated);
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
