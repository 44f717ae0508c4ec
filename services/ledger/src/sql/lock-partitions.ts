import type { Sql } from '@sluice/shared/ports/sql.ts';

/**
 * For a transaction that changes partitions: one at a time, of any number of ledgers, and each lock on a table is waited
 * for at most a second, because whatever comes to the table meanwhile waits behind it.
 */
export async function lockPartitions(sql: Sql): Promise<void> {
  // The number is ours: the first eight bytes of 'sluice-p'.
  await sql.query('select pg_advisory_xact_lock(8317151707346054512)');
  await sql.query(`set local lock_timeout = '1s'`);
}
