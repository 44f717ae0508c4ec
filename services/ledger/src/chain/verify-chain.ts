import { schemas } from '@sluice/shared/schemas.ts';
import { readMigrations } from '@sluice/shared/schema-version.ts';
import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { judgeDay, type DayVerdict, type KnownBlock } from './judge-day.ts';
import { isDropped, nextChainDay, readBlockHash, readChain, readHead } from './read-chain.ts';

export interface Period {
  /** `YYYY-MM-DD`, UTC days of admission: from ≤ day < to. */
  readonly from: string;
  readonly to: string;
}

/**
 * Recomputes the chain of each day of a period, the oldest first, and says where it does not fit. Each day is read as
 * it is at one moment, while the ledger goes on booking.
 *
 * @param sql a pool whose statement time limit is long enough for a day's rows
 * @param witnesses blocks that were noted down outside the database
 */
export async function* verifyChain(
  sql: SqlPool,
  { from, to }: Period,
  witnesses: readonly KnownBlock[] = [],
): AsyncGenerator<DayVerdict> {
  let next = from;
  for (;;) {
    const found = await nextChainDay(sql, { from: next, to });
    // A day that was removed to the last trace is missed only by those who know of it.
    const day = earliest([found, ...witnesses.filter((one) => one.day >= next && one.day < to).map((one) => one.day)]);
    if (day === null) return;
    yield await verifyDay(sql, day, witnesses);
    next = dayAfter(day);
  }
}

/** @param day `YYYY-MM-DD`, UTC */
export function verifyDay(sql: SqlPool, day: string, witnesses: readonly KnownBlock[] = []): Promise<DayVerdict> {
  return sql.transaction(async (transaction) => {
    await transaction.query('set transaction isolation level repeatable read read only');
    const facts = {
      day,
      head: await readHead(transaction, day),
      dropped: await isDropped(transaction, day),
      witnesses: witnesses.filter((witness) => witness.day === day),
      hashOf: (of: string, seq: number) => readBlockHash(transaction, of, seq),
    };
    return judgeDay(facts, readChain(transaction, day));
  });
}

/**
 * What the chain rests on in the database and is not as the migrations made it: verifying calls these functions, and a
 * trigger that is switched off makes no blocks.
 */
export async function alteredMachinery(sql: Sql): Promise<string[]> {
  const migrations = (await readMigrations([schemas.ledger])).map(({ text }) => text);
  const { rows } = await sql.query(
    `select proname as name, prosrc as body from pg_proc
     where pronamespace = 'ledger'::regnamespace and proname = any($1)`,
    [functions],
  );
  const bodies = z.array(z.object({ name: z.string(), body: z.string() })).parse(rows);
  const known = new Set(bodies.filter(({ body }) => migrations.some((text) => text.includes(body))).map((f) => f.name));
  const { rows: enabled } = await sql.query(
    `select tgname as name from pg_trigger
     where tgrelid = any($1::text[]::regclass[]) and tgname = any($2) and tgenabled in ('O', 'A')`,
    [['ledger.spend_rows', 'ledger.chain_blocks'], triggers],
  );
  const on = new Set(
    z
      .array(z.object({ name: z.string() }))
      .parse(enabled)
      .map(({ name }) => name),
  );
  return [
    ...functions.filter((name) => !known.has(name)).map((name) => `function ledger.${name}`),
    ...triggers.filter((name) => !on.has(name)).map((name) => `trigger ${name}`),
  ];
}

const functions = [
  'refuse_change',
  'epoch_us',
  'spend_row_digest_1',
  'spend_row_digest',
  'chain_block_hash',
  'was_refused',
  'begin_chain_block',
  'append_chain_block',
  'chain_spend_rows',
];
const triggers = [
  'spend_rows_are_final',
  'spend_rows_begin_block',
  'spend_rows_yield_blocks',
  'chain_blocks_are_final',
];

function earliest(days: readonly (string | null)[]): string | null {
  let first: string | null = null;
  for (const day of days) if (day !== null && (first === null || day < first)) first = day;
  return first;
}

function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
