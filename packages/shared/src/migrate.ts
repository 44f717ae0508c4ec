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

/**
 * Brings the database to the state these sources describe. Forward only; each file in one transaction together with
 * its record, so a failed one leaves nothing behind. Any number may run at once: the second waits and finds it done.
 *
 * A migration runs within the pool's statement time limit: open one with a generous limit.
 *
 * @returns what was applied now, in order
 * @throws Error for a file that was changed after it was applied, is older than one that was, or is refused
 */
export async function migrate(sql: SqlPool, sources: readonly MigrationSource[]): Promise<Migration[]> {
  const known = await readMigrations(sources);
  await sql.transaction(async (transaction) => {
    await lockMigrations(transaction);
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
    const applied = await sql.transaction((transaction) => apply(transaction, migration, known, sources));
    if (applied) done.push(migration);
  }
  return done;
}

async function apply(
  sql: Sql,
  migration: Migration,
  known: readonly Migration[],
  sources: readonly MigrationSource[],
): Promise<boolean> {
  await lockMigrations(sql);
  const applied = await readApplied(sql); // after the lock: another process may have been quicker
  assertNotAhead(known, applied, sources);
  if (isApplied(migration, applied)) return false;

  const newest = applied.findLast(({ service }) => service === migration.service);
  if (newest !== undefined && newest.version > migration.version) {
    throw new Error(`${nameOf(migration)} comes before ${nameOf(newest)}, which is applied already. Renumber it.`);
  }
  try {
    await sql.query(migration.text);
  } catch (cause) {
    throw new Error(`${nameOf(migration)} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  await sql.query('insert into public.sluice_migrations (service, version, name, checksum) values ($1, $2, $3, $4)', [
    migration.service,
    migration.version,
    migration.name,
    migration.checksum,
  ]);
  return true;
}

/** Held to the end of the transaction. The number is ours: the first eight bytes of 'sluice-m'. */
async function lockMigrations(sql: Sql): Promise<void> {
  await sql.query('select pg_advisory_xact_lock(8317151707346054509)');
}
