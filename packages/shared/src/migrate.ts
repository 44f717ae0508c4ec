import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Sql, SqlPool } from './ports/sql.ts';
import {
  assertNotAhead,
  isApplied,
  nameOf,
  readApplied,
  readMigrations,
  type Migration,
  type MigrationSource,
} from './schema-version.ts';

export interface MigrateOptions {
  /** How long a migration is tried again while others keep what it has to lock, another migrating program included. */
  readonly patienceMs?: number;
}

/**
 * Who waits for a lock keeps everybody waiting who comes after. So no migration waits longer, and this is less than
 * PostgreSQL's `deadlock_timeout` of a second: in a circle it is the migration that gives way, and nobody's request.
 */
const lockTimeoutMs = 500;
const longestPauseMs = 2_000;
const lockPollMs = 100;

/** The first line of a migration that is a query: what its rows say is run, statement by statement. */
const oneByOne = '-- One by one:';

/**
 * Brings the database to the state these sources describe, while programs of this version and the one before use it.
 * Forward only. Any number may run at once: the second waits and finds it done.
 *
 * A file is one transaction together with its record, so a failed one leaves nothing behind; it is tried again while
 * it gets no lock. A file that begins with `-- One by one:` is for what would take too long under one lock: a query
 * whose rows are statements, each of which is run on its own and must bear being run again, as what fails or is killed
 * is begun anew.
 *
 * A statement runs within the pool's time limit: open one with a generous limit, and two connections.
 *
 * @returns what was applied now, in order
 * @throws Error for a file that was changed after it was applied, is older than one that was, or is refused
 */
export async function migrate(
  sql: SqlPool,
  sources: readonly MigrationSource[],
  { patienceMs = 10 * 60_000 }: MigrateOptions = {},
): Promise<Migration[]> {
  const known = await readMigrations(sources);
  await sql.transaction(async (transaction) => {
    await lockMigrations(transaction, patienceMs);
    await transaction.query(
      `create table if not exists public.sluice_migrations (
         service text not null,
         version integer not null,
         name text not null,
         checksum text not null,
         applied_at timestamptz not null default now(),
         primary key (service, version)
       )`,
    );
  });

  const done: Migration[] = [];
  for (const migration of known) {
    const runOnce = () =>
      sql.transaction(async (transaction) => {
        await lockMigrations(transaction, patienceMs);
        if (!(await isDue(transaction, migration, known, sources))) return false;
        await run(transaction, sql, migration);
        return true;
      });
    if (await untilUnlocked(runOnce, patienceMs)) done.push(migration);
  }
  return done;
}

async function isDue(
  sql: Sql,
  migration: Migration,
  known: readonly Migration[],
  sources: readonly MigrationSource[],
): Promise<boolean> {
  const applied = await readApplied(sql); // after the lock: another process may have been quicker
  assertNotAhead(known, applied, sources);
  if (isApplied(migration, applied)) return false;

  const newest = applied.findLast(({ service }) => service === migration.service);
  if (newest !== undefined && newest.version > migration.version) {
    throw new Error(`${nameOf(migration)} comes before ${nameOf(newest)}, which is applied already. Renumber it.`);
  }
  return true;
}

/** @param pool for statements that have to be outside of the transaction, which keeps other migrating programs out */
async function run(transaction: Sql, pool: SqlPool, migration: Migration): Promise<void> {
  const { service, version, name, checksum, text } = migration;
  try {
    if (text.startsWith(oneByOne)) await runOneByOne(transaction, pool, text);
    else await transaction.query(`set local lock_timeout = ${lockTimeoutMs};\n${text}`);
  } catch (cause) {
    throw new Error(`${nameOf(migration)} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  await transaction.query(
    'insert into public.sluice_migrations (service, version, name, checksum) values ($1, $2, $3, $4)',
    [service, version, name, checksum],
  );
}

const Statements = z.array(z.object({ statement: z.string() }));

async function runOneByOne(transaction: Sql, pool: SqlPool, query: string): Promise<void> {
  // The transaction itself locks no table: an index that is built meanwhile would wait for it.
  const { rows } = await pool.query(query);
  for (const { statement } of Statements.parse(rows)) {
    await pool.query(statement);
    await transaction.query('select 1'); // one that is idle for long is ended
  }
}

/** Tries again when a lock was not to be had in time, after ever longer pauses in which others go on. */
async function untilUnlocked<T>(work: () => Promise<T>, patienceMs: number): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isLocked(error) || performance.now() > giveUpAt) throw error;
      await sleep(pauseMs);
    }
  }
}

/** SQLSTATE lock_not_available or deadlock_detected. */
function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && (cause.code === '55P03' || cause.code === '40P01');
}

const Locked = z.tuple([z.object({ locked: z.boolean() })]);

/**
 * Held to the end of the transaction. Asked for again and again: a statement that waited would be one that an index
 * which is built concurrently waits for, and so for ever.
 */
async function lockMigrations(sql: Sql, patienceMs: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    // The number is ours: the first eight bytes of 'sluice-m'.
    const { rows } = await sql.query('select pg_try_advisory_xact_lock(8317151707346054509) as locked');
    const [{ locked }] = Locked.parse(rows);
    if (locked) return;
    if (performance.now() > giveUpAt) throw new Error('Another program has been migrating this database for too long.');
    await sleep(lockPollMs);
  }
}
