import { after, before } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { openPostgresServer, type PostgresServer } from '../../../test/servers/postgres.ts';
import { schemas } from '@sluice/shared/schemas.ts';

const Row = z.record(z.string(), z.unknown());

export interface Books extends AsyncDisposable {
  readonly sql: SqlPool;
  readonly url: string;
  /** The rows of a query as objects; `bigint` columns are text. */
  query(text: string, values?: readonly unknown[]): Promise<z.infer<typeof Row>[]>;
}

/** A PostgreSQL for the tests of this file; each call of `openBooks` gives empty books of their own. */
export function useBooks(settings: Readonly<Record<string, string>> = {}) {
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
      const url = await server.createDatabase(undefined, { template: 'template_books' });
      const sql = await openPostgres({ url, applicationName: 'test', statementTimeoutMs: 2000, connectTimeoutMs: 500 });
      return {
        sql,
        url,
        query: async (text, values) => Row.array().parse((await sql.query(text, values)).rows),
        [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose](),
      };
    },
  };
}
