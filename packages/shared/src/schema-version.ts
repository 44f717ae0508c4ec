import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Sql } from './ports/sql.ts';

/** A service and the folder that holds its migrations. */
export interface MigrationSource {
  readonly service: string;
  readonly dir: string;
  /** The newest version that counts, as for a program that is no newer; absent: all. */
  readonly upTo?: number;
}

/** One file `NNNN-name.sql`. */
export interface Migration {
  readonly service: string;
  readonly version: number;
  readonly name: string;
  /** SHA-256 of the text, with LF line ends. */
  readonly checksum: string;
  readonly text: string;
}

/**
 * Refuses a database that this program was not written for.
 *
 * @throws Error that says what to do: behind (migrate), ahead (update this program), or changed afterwards
 */
export async function assertSchema(sql: Sql, sources: readonly MigrationSource[]): Promise<void> {
  const known = await readMigrations(sources);
  const applied = await readApplied(sql);
  assertNotAhead(known, applied, sources);

  const missing = known.filter((migration) => !isApplied(migration, applied));
  if (missing.length > 0) {
    const names = missing.map(nameOf).join(', ');
    throw new Error(`The database is behind this program: not applied are ${names}. Run "npm run migrate".`);
  }
}

/** @throws Error when the database knows a migration that these sources do not, or knows one with another text */
export function assertNotAhead(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
  sources: readonly MigrationSource[],
): void {
  for (const one of applied.filter(({ service }) => sources.some((source) => source.service === service))) {
    const ours = known.find(({ service, version }) => service === one.service && version === one.version);
    if (ours === undefined) {
      throw new Error(
        `The database is ahead of this program: it has ${nameOf(one)} (applied ${one.applied_at}), which this ` +
          `program does not know. Start the newer version of Sluice that applied it.`,
      );
    }
    if (ours.checksum !== one.checksum) {
      throw new Error(
        `${nameOf(ours)} is not the text that was applied to the database on ${one.applied_at}. ` +
          'An applied migration is never changed: restore it, and write what is new as a new migration.',
      );
    }
  }
}

/** In the order they are applied: source by source, by version. */
export async function readMigrations(sources: readonly MigrationSource[]): Promise<Migration[]> {
  const folders = await Promise.all(sources.map(readFolder));
  return folders.flat();
}

async function readFolder({ service, dir, upTo = Infinity }: MigrationSource): Promise<Migration[]> {
  const files = (await readdir(dir)).filter((file) => file.endsWith('.sql')).sort();
  const migrations: Migration[] = [];
  for (const file of files) {
    const [, digits, name] = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file) ?? [];
    if (digits === undefined || name === undefined) throw new Error(`${path.join(dir, file)}: not NNNN-name.sql`);
    const version = Number(digits);
    if (version > upTo) break;
    if (migrations.at(-1)?.version === version) throw new Error(`${path.join(dir, file)}: ${digits} is taken`);
    const text = (await readFile(path.join(dir, file), 'utf8')).replaceAll('\r\n', '\n');
    migrations.push({ service, version, name, text, checksum: createHash('sha256').update(text).digest('hex') });
  }
  return migrations;
}

const AppliedMigration = z.object({
  service: z.string(),
  version: z.int(),
  name: z.string(),
  checksum: z.string(),
  applied_at: z.string(),
});
export type AppliedMigration = z.infer<typeof AppliedMigration>;

/** Empty for a database that has never been migrated. */
export async function readApplied(sql: Sql): Promise<AppliedMigration[]> {
  const { rows: tables } = await sql.query(`select 1 where to_regclass('public.sluice_migrations') is not null`);
  if (tables.length === 0) return [];
  const { rows } = await sql.query(
    `select service, version, name, checksum, to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as applied_at
     from public.sluice_migrations
     order by service, version`,
  );
  return z.array(AppliedMigration).parse(rows);
}

export function isApplied({ service, version }: Migration, applied: readonly AppliedMigration[]): boolean {
  return applied.some((one) => one.service === service && one.version === version);
}

/** `ledger 0001-spend`. */
export function nameOf({ service, version, name }: Pick<Migration, 'service' | 'version' | 'name'>): string {
  return `${service} ${String(version).padStart(4, '0')}-${name}`;
}
