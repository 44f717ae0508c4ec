import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';

/**
 * Makes the partitions of this UTC month and the next two, where they are missing. Moves nothing: a month of which
 * the default partition holds rows already stays there.
 *
 * A new partition locks out bookings for a moment, and waits at most a second for those that run.
 *
 * @param now epoch milliseconds
 * @returns the names of the partitions that are new
 */
export async function ensurePartitions(sql: SqlPool, now: number): Promise<string[]> {
  const created: string[] = [];
  for (const ahead of [0, 1, 2]) {
    const from = monthOf(now, ahead);
    const to = monthOf(now, ahead + 1);
    const name = `spend_rows_${from.slice(0, 7).replace('-', '_')}`;
    if (await sql.transaction((transaction) => createPartition(transaction, { name, from, to }))) created.push(name);
  }
  return created;
}

async function createPartition(sql: Sql, { name, from, to }: { name: string; from: string; to: string }) {
  // Two ledgers may start at once. The number is ours: the first eight bytes of 'sluice-p'.
  await sql.query('select pg_advisory_xact_lock(8317151707346054512)');
  const { rows } = await sql.query(
    `select 1 where to_regclass($1) is not null
     union all
     (select 1 from ledger.spend_rows_default where admitted_at >= $2 and admitted_at < $3 limit 1)`,
    [`ledger.${name}`, from, to],
  );
  if (rows.length > 0) return false;
  await sql.query(`set local lock_timeout = '1s'`);
  // Names and bounds are made of digits above; DDL takes no parameters.
  await sql.query(
    `create table ledger.${name} partition of ledger.spend_rows for values from ('${from}') to ('${to}')`,
  );
  return true;
}

/** The first instant of a UTC month, ISO. */
function monthOf(now: number, ahead: number): string {
  const date = new Date(now);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead)).toISOString();
}
