import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { openTestDatabase } from '../../../../test/servers/test-database.ts';

/** A database of the test's own, with the ingress's tables. */
export async function openKeysDatabase(): Promise<SqlPool & AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const { url } = opening.use(await openTestDatabase([schemas.ingress]));
  const sql = opening.use(await openPostgres({ url, applicationName: 'ingress test' }));

  const opened = opening.move();
  return {
    query: (text, values) => sql.query(text, values),
    transaction: (work) => sql.transaction(work),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
