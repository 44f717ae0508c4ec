import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { nameOf } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { createHideSecrets, secretsOf } from '@sluice/shared/secrets.ts';

/** No migration takes longer; the exit code of a stuck one must come some day. */
const statementTimeoutMs = 15 * 60_000;

const url = process.env.DATABASE_URL;
if (!url) {
  process.stderr.write('DATABASE_URL is not set: which database shall be migrated?\n');
  process.exit(1);
}

try {
  await using sql = await openPostgres({ url, max: 2, applicationName: 'sluice-migrate', statementTimeoutMs });
  const applied = await migrate(sql, Object.values(schemas));
  for (const migration of applied) process.stdout.write(`applied ${nameOf(migration)}\n`);
  if (applied.length === 0) process.stdout.write('Nothing to do: the database is up to date.\n');
} catch (error) {
  const hideSecrets = createHideSecrets(secretsOf(process.env, null));
  process.stderr.write(`Migration failed. ${hideSecrets(describe(error))}\n`);
  process.exitCode = 1;
}

/** The message with those of its causes, which name the host and the port. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own} (${describe(error.cause)})`;
}
