import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { ChainBlock } from './chain-block.ts';
import type { ChainItem, KnownBlock } from './judge-day.ts';

/** Blocks in memory at once. */
const pageSize = 500;

/** The first day from `from` on that has blocks, a head or rows; null: none before `to`. Days are `YYYY-MM-DD`. */
export async function nextChainDay(sql: Sql, { from, to }: { from: string; to: string }): Promise<string | null> {
  const { rows } = await sql.query(
    `select to_char(least(
       (select min(day) from ledger.chain_blocks where day >= $1::date),
       (select min(day) from ledger.chain_heads where day >= $1::date),
       (select (min(admitted_at) at time zone 'UTC')::date from ledger.spend_rows
        where admitted_at >= $1::date::timestamp at time zone 'UTC')), 'YYYY-MM-DD') as day`,
    [from],
  );
  const [{ day }] = z.tuple([z.object({ day: z.string().nullable() })]).parse(rows);
  return day !== null && day < to ? day : null;
}

export async function readHead(sql: Sql, day: string): Promise<KnownBlock | null> {
  const { rows } = await sql.query(
    `select seq, encode(hash, 'hex') as hash from ledger.chain_heads where day = $1 and seq > 0`,
    [day],
  );
  const [head] = z.array(z.object({ seq: z.coerce.number<string>(), hash: z.string().nullable() })).parse(rows);
  return head === undefined ? null : { day, seq: head.seq, hash: head.hash ?? '' };
}

export async function readBlockHash(sql: Sql, day: string, seq: number): Promise<string | null> {
  const { rows } = await sql.query(
    `select encode(hash, 'hex') as hash from ledger.chain_blocks where day = $1 and seq = $2`,
    [day, seq],
  );
  return z.array(z.object({ hash: z.string() })).parse(rows)[0]?.hash ?? null;
}

/** Whether retention has dropped the rows of a day. */
export async function isDropped(sql: Sql, day: string): Promise<boolean> {
  const { rows } = await sql.query(
    `select 1 from ledger.dropped_months where month = date_trunc('month', $1::date)::date`,
    [day],
  );
  return rows.length > 0;
}

/**
 * The blocks of a day in their order, each with what its rows come to; after them the rows that have no block. The
 * digests are made and sorted by PostgreSQL, on its disk if need be. Only within a transaction.
 */
export async function* readChain(sql: Sql, day: string): AsyncGenerator<ChainItem> {
  await sql.query(
    `declare chain no scroll cursor for
     with digests as materialized (
       select coalesce(r.chain_block, 0) as id, r.admitted_at, r.call_id, r.cost_nano_usd,
         ledger.was_refused(r.attempt, r.outcome, r.error_code) as refused,
         ledger.spend_row_digest(coalesce(b.form, 1::smallint), r) as digest
       from ledger.spend_rows as r
       left join ledger.chain_blocks as b on b.day = $1::date and b.id = coalesce(r.chain_block, 0)
       where r.admitted_at >= $1::date::timestamp at time zone 'UTC'
         and r.admitted_at < ($1::date + 1)::timestamp at time zone 'UTC'
     ), found as (
       select id, count(*) as rows, count(*) filter (where refused) as refusals, sum(cost_nano_usd)::text as cost,
         case when bool_and(digest is not null)
           then encode(sha256(string_agg(digest, '' order by admitted_at, call_id)), 'hex') end as hash
       from digests
       group by id
     )
     select found.id::text as found_id, found.rows as found_rows, found.refusals as found_refusals,
       found.cost as found_cost, found.hash as found_hash, to_char(b.day, 'YYYY-MM-DD') as day, b.seq::text, b.id::text,
       b.form, b.rows::text, b.refusals::text, b.cost_nano_usd::text, encode(b.rows_hash, 'hex') as rows_hash,
       to_char(b.previous_day, 'YYYY-MM-DD') as previous_day, b.previous_seq::text,
       encode(b.previous_hash, 'hex') as previous_hash, encode(b.hash, 'hex') as hash,
       ledger.epoch_us(b.booked_at)::text as booked_at_us
     from (select * from ledger.chain_blocks where day = $1::date) as b
     full join found using (id)
     order by b.seq nulls last, found.id`,
    [day],
  );
  for (;;) {
    const { rows } = await sql.query(`fetch ${pageSize} from chain`);
    yield* rows.map(itemOf);
    if (rows.length < pageSize) break;
  }
  await sql.query('close chain');
}

const Sides = z.object({ found_id: z.string().nullable(), seq: z.string().nullable() });
const Found = z
  .object({
    found_rows: z.coerce.number<string>(),
    found_refusals: z.coerce.number<string>(),
    found_cost: z.string(),
    found_hash: z.string().nullable(),
  })
  .transform((row) => ({
    rows: row.found_rows,
    refusals: row.found_refusals,
    costNanoUsd: row.found_cost,
    rowsHash: row.found_hash,
  }));

function itemOf(row: unknown): ChainItem {
  const { found_id: id, seq } = Sides.parse(row);
  if (seq === null) return { block: null, id: id ?? '', found: Found.parse(row) };
  return { block: ChainBlock.parse(row), found: id === null ? null : Found.parse(row) };
}
