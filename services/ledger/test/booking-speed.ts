/**
 * How fast the ledger books: `node services/ledger/test/booking-speed.ts [batchSize …]`. Prints rows/s and CPU per
 * row of this process and of PostgreSQL (which syncs to disk here), over the whole way from source to settlement.
 */
import { readFileSync } from 'node:fs';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { openPostgresServer } from '../../../test/servers/postgres.ts';
import { childrenOf } from '../../../test/servers/process-tree.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { createPostgresBooks } from '../src/books.ts';
import { openLedger } from '../src/ledger.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { createListUsageSource } from './list-usage-source.ts';
import { keyHashOf, startOfTests, usageEvent } from './usage-events.ts';

const rows = 40_000;
const keys = 50;
const batchSizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [200];

const events = Array.from({ length: rows }, (_, n) => {
  const keyHash = keyHashOf(`sk-${n % keys}`);
  const event = usageEvent(n);
  return { ...event, caller: { ...event.caller, keyHash }, accounts: [{ id: `key:${keyHash}`, windowStart: 0 }] };
});

await using server = await openPostgresServer({ settings: { fsync: 'on', full_page_writes: 'on' } });
for (const batchSize of batchSizes) {
  await using sql = await openPostgres({ url: await server.createDatabase(), applicationName: 'booking-speed' });
  await migrate(sql, [schemas.ledger]);
  const usage = createListUsageSource();
  const admission = { settle: async () => undefined };
  await using ledger = await openLedger({
    books: createPostgresBooks(sql),
    usage,
    admission,
    batchSize,
    now: () => startOfTests,
  });

  const start = { at: performance.now(), own: process.cpuUsage(), postgres: postgresCpuMs() };
  usage.push(...events);
  await waitUntil(() => ledger.stats.booked === rows, { what: 'all booked', deadlineMs: 60_000 });
  const seconds = (performance.now() - start.at) / 1000;
  const own = process.cpuUsage(start.own);
  process.stdout.write(
    `batches of ${batchSize}: ${Math.round(rows / seconds)} rows/s; CPU per row: ` +
      `ledger ${((own.user + own.system) / rows).toFixed(1)} µs, ` +
      `postgres ${(((postgresCpuMs() - start.postgres) * 1000) / rows).toFixed(1)} µs\n`,
  );
}

/** Of all the server's sessions and helpers; /proc counts in hundredths of a second. */
function postgresCpuMs(): number {
  return childrenOf(server.pid ?? 0)
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
    .reduce((sum, fields) => sum + (Number(fields[11]) + Number(fields[12])) * 10, 0);
}
