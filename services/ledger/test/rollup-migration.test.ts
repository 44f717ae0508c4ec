import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { z } from 'zod';
import { fillBooks } from '../../../test/load/fill-books.ts';
import { openPostgresServer, type PostgresServer } from '../../../test/servers/postgres.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { assertSummed } from './assert-balanced.ts';

let server: PostgresServer;
before(async () => void (server = await openPostgresServer()));
after(() => server[Symbol.asyncDispose]());

test('rows of an older release are summed, those included that its ledger books meanwhile and afterwards', async () => {
  await using sql = await openPostgres({
    url: await server.createDatabase(),
    applicationName: 'test',
    statementTimeoutMs: 60_000,
  });
  await migrate(sql, [{ ...schemas.ledger, upTo: 3 }]);
  const query = async (text: string) => z.array(z.record(z.string(), z.unknown())).parse((await sql.query(text)).rows);
  const until = Date.UTC(2026, 11, 1);
  await fillBooks(sql, { rows: 8_000, days: 20, until });

  let written = 0;
  const end = new AbortController();
  const olderLedger = async (writer: number) => {
    while (!end.signal.aborted) {
      // Other times, so other rows.
      await fillBooks(sql, { rows: 50, days: 2, until: until + (1 + writer) * 3_600_000 + written });
      written += 50;
    }
  };
  const writing = Promise.all([olderLedger(0), olderLedger(1)]);
  await waitUntil(() => written > 500, { what: 'the older ledger books' });
  const applied = await migrate(sql, [schemas.ledger]);
  const atMigration = written;
  await waitUntil(() => written > atMigration + 500, { what: 'the older ledger goes on' });
  end.abort();
  await writing;

  assert.ok(applied.some(({ name }) => name === 'rollups'));
  assert.deepEqual(await query('select count(*)::int as rows from ledger.spend_rows'), [{ rows: 8_000 + written }]);
  await assertSummed({ query });
});
