import { after, before } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { openPostgresServer, type PostgresServer } from '../../../test/servers/postgres.ts';
import { openTestDatabase } from '../../../test/servers/test-database.ts';
import { schemas } from '@sluice/shared/schemas.ts';

const Row = z.record(z.string(), z.unknown());

export interface Books extends AsyncDisposable {
  readonly sql: SqlPool;
  readonly url: string;
  /** The rows of a query as objects; `bigint` columns are text. */
  query(text: string, values?: readonly unknown[]): Promise<z.infer<typeof Row>[]>;
}

/** Empty books. */
export async function openBooks(): Promise<Books> {
  await using opening = new AsyncDisposableStack();
  const { url } = opening.use(await openTestDatabase([schemas.ledger]));
  return await booksAt(url, opening);
}

/** A PostgreSQL for the tests of this file, which they may kill; each call of `openBooks` gives empty books of their own. */
export function useBooksServer(settings: Readonly<Record<string, string>>) {
  let server: PostgresServer;
  before(async () => {
    server = await openPostgresServer({ settings });
    const url = await server.createDatabase('template_books');
    await using sql = await openPostgres({ url, applicationName: 'test' });
    await migrate(sql, [schemas.ledger]);
  });
  after(() => server[Symbol.asyncDispose]());

  return {
    server: () => server,
    openBooks: async (): Promise<Books> => {
      await using opening = new AsyncDisposableStack();
      return await booksAt(await server.createDatabase(undefined, { template: 'template_books' }), opening);
    },
  };
}

async function booksAt(url: string, opening: AsyncDisposableStack): Promise<Books> {
  const sql = opening.use(await openPostgres({ url, applicationName: 'test', statementTimeoutMs: 2000 }));
  const opened = opening.move();
  return {
    sql,
    url,
    query: async (text, values) => Row.array().parse((await sql.query(text, values)).rows),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
