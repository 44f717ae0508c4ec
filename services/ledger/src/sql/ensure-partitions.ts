import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import { lockPartitions } from './lock-partitions.ts';
import { monthOf, partitionName } from './month.ts';

/** Rows that are moved out of the default partition at most, so that bookings are not shut out for long. */
const movedMax = 50_000;

/**
 * Makes the partitions of this UTC month and the next two, where they are missing. Rows of such a month that lie in
 * the default partition already are moved to the new one. A month that has more there than `movedMax` stays there.
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
    const name = partitionName(from);
    if (await sql.transaction((transaction) => createPartition(transaction, { name, from, to }))) created.push(name);
  }
  return created;
}

async function createPartition(sql: Sql, { name, from, to }: { name: string; from: string; to: string }) {
  await lockPartitions(sql);
  const { rows: existing } = await sql.query('select 1 where to_regclass($1) is not null', [`ledger.${name}`]);
  if (existing.length > 0) return false;

  // Both are locked by the creation anyway; here in the order in which a booking locks them.
  await sql.query('lock table only ledger.spend_rows, only ledger.spend_rows_default in access exclusive mode');
  const { rowCount: strays } = await sql.query(
    'select 1 from ledger.spend_rows_default where admitted_at >= $1 and admitted_at < $2 limit $3',
    [from, to, movedMax + 1],
  );
  if ((strays ?? 0) > movedMax) return false;

  // Names and bounds are made of digits; DDL takes no parameters.
  const create = `create table ledger.${name} partition of ledger.spend_rows for values from ('${from}') to ('${to}')`;
  if (strays === 0) {
    await sql.query(create);
    return true;
  }
  // The rows stay what they are, and nobody sees them missing: all of it is one transaction.
  await sql.query(
    `create temporary table strays on commit drop as
     select * from ledger.spend_rows_default where admitted_at >= '${from}' and admitted_at < '${to}'`,
  );
  await sql.query('alter table ledger.spend_rows_default disable trigger spend_rows_are_final');
  await sql.query('delete from ledger.spend_rows_default where admitted_at >= $1 and admitted_at < $2', [from, to]);
  await sql.query('alter table ledger.spend_rows_default enable trigger spend_rows_are_final');
  await sql.query(create);
  await sql.query(`insert into ledger.${name} select * from strays`); // straight into it: the sums have them already
  return true;
}
