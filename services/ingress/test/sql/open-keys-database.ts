import path from 'node:path';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { openPostgresServer } from '../../../../test/servers/postgres.ts';

const migrations = { service: 'ingress', dir: path.join(import.meta.dirname, '..', '..', 'migrations') };

/** A PostgreSQL of the test's own, with the ingress's tables. */
export async function openKeysDatabase(): Promise<SqlPool & AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const server = opening.use(await openPostgresServer());
  const sql = opening.use(await openPostgres({ url: server.url, applicationName: 'ingress test' }));
  await migrate(sql, [migrations]);

  const opened = opening.move();
  return {
    query: (text, values) => sql.query(text, values),
    transaction: (work) => sql.transaction(work),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
