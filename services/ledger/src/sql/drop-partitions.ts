import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import { addDuration, type Duration } from '@sluice/shared/time/duration.ts';
import { z } from 'zod';
import { lockPartitions } from './lock-partitions.ts';
import { monthOfPartition } from './month.ts';

/** More wait for the next run: two years of months, when retention is set for the first time. */
const droppedMax = 24;

const defaultPartition = 'spend_rows_default';

/**
 * Drops the partitions whose every row was admitted longer ago than `retention`, oldest first. The default partition
 * is emptied once all of its rows are. Balances and daily sums stay, and `ledger.dropped_months` says what is missing.
 *
 * A dropped partition locks out bookings and reports for a moment, and waits at most a second for those that run.
 *
 * @param now epoch milliseconds
 * @returns the names of the partitions that are gone, or empty
 */
export async function dropPartitions(
  sql: SqlPool,
  { now, retention }: { now: number; retention: Duration },
): Promise<string[]> {
  const isOver = (time: number) => addDuration(time, retention) <= now;
  const { rows } = await sql.query(
    `select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
     where inhparent = 'ledger.spend_rows'::regclass order by relname`,
  );
  const over = Names.parse(rows)
    .map(({ name }) => name)
    .filter((name) => isOver(monthOfPartition(name)?.to ?? Infinity))
    .slice(0, droppedMax);

  const gone: string[] = [];
  for (const name of over) {
    await sql.transaction(async (transaction) => {
      await lockPartitions(transaction);
      await transaction.query(`drop table if exists ledger.${name}`); // another ledger may have been quicker
      await transaction.query(
        `insert into ledger.dropped_months (month) values (to_date($1, '"spend_rows_"YYYY_MM')) on conflict do nothing`,
        [name],
      );
    });
    gone.push(name);
  }
  if (await sql.transaction((transaction) => emptyDefault(transaction, isOver))) gone.push(defaultPartition);
  return gone;
}

async function emptyDefault(sql: Sql, isOver: (time: number) => boolean): Promise<boolean> {
  if (!(await isOverdue(sql, isOver))) return false; // the usual case, without a lock
  await lockPartitions(sql);
  await sql.query(`lock table only ledger.${defaultPartition} in access exclusive mode`);
  if (!(await isOverdue(sql, isOver))) return false;
  await sql.query(
    `insert into ledger.dropped_months (month)
     select distinct date_trunc('month', admitted_at at time zone 'UTC')::date from ledger.${defaultPartition}
     on conflict do nothing`,
  );
  await sql.query(`truncate ledger.${defaultPartition}`);
  return true;
}

/** Whether there are rows, and the youngest is over. */
async function isOverdue(sql: Sql, isOver: (time: number) => boolean): Promise<boolean> {
  const { rows } = await sql.query(`select max(admitted_at) as youngest from ledger.${defaultPartition}`);
  const [{ youngest }] = Youngest.parse(rows);
  return youngest !== null && isOver(youngest.getTime());
}

const Names = z.array(z.object({ name: z.string() }));
const Youngest = z.tuple([z.object({ youngest: z.date().nullable() })]);
