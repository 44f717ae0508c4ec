import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { isReplaced } from './insert-virtual-key.ts';
import { violatedConstraint } from './violated-constraint.ts';

export interface Replacement {
  readonly hash: KeyHash;
  /** `sk-...` and the last four characters. */
  readonly keyName: string;
  /** Until when the key that it was still works, epoch milliseconds. */
  readonly oldValidUntil: number;
}

/**
 * Gives a key another hash. All that is said of it stays, and so do its accounts, which are named by its first hash.
 * What it was is remembered for as long as the key is, so that no other key is ever made of it. To be called in a
 * transaction.
 *
 * @returns no-key: there is none of the old hash
 */
export async function replaceVirtualKey(
  sql: Sql,
  oldHash: KeyHash,
  { hash, keyName, oldValidUntil }: Replacement,
): Promise<'replaced' | 'key-taken' | 'no-key'> {
  if (hash === oldHash) return 'key-taken';
  try {
    const { rows } = await sql.query(
      `update ingress.virtual_keys set hash = $2, key_name = $3, first_hash = coalesce(first_hash, hash)
       where hash = $1
       returning hash`,
      [oldHash, hash, keyName],
    );
    if (rows.length === 0) return 'no-key';
  } catch (error) {
    if (violatedConstraint(error) !== 'virtual_keys_hash_unique') throw error;
    return 'key-taken';
  }
  if (await isReplaced(sql, hash)) return 'key-taken';
  await sql.query(`insert into ingress.replaced_keys (old_hash, new_hash, valid_until) values ($1, $2, $3)`, [
    oldHash,
    hash,
    new Date(oldValidUntil),
  ]);
  return 'replaced';
}
