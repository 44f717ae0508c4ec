import assert from 'node:assert/strict';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { describe, test } from 'node:test';
import { createBatch, resultsOf, untilBatch, untilEnded } from '../e2e/batch-files.ts';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway } from '../e2e/gateway.ts';
import type { Child } from '../servers/child.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { compareWithBill, spendRows } from './books.ts';

/** 5,000 for the whole of it. */
const lines = Number(process.env['BATCH_LINES'] ?? 400);
const callsAtATime = 40;
const deadlineMs = 60_000 + 40 * lines;

const chats = (count: number, steering: object = {}) =>
  Array.from({ length: count }, (_, nth) => ({
    model: 'llama',
    max_tokens: 64,
    messages: [{ role: 'user', content: `Request ${nth}. #sim ${JSON.stringify(steering)}` }],
  }));

/** Each process that a batch needs, and how another takes its place. */
const deaths: readonly {
  readonly who: string;
  readonly kill: (gateway: DistributedGateway, runner: Child) => Promise<unknown>;
}[] = [
  {
    who: 'the runner',
    kill: async (gateway, runner) => {
      runner.signal('SIGKILL');
      await gateway.startBatchRunner();
    },
  },
  {
    who: 'a worker',
    kill: async (gateway) => {
      gateway.workers[0]?.signal('SIGKILL');
      await gateway.startWorker();
    },
  },
  {
    who: 'the ledger',
    kill: async (gateway) => {
      gateway.ledger.signal('SIGKILL');
      await gateway.startLedger();
    },
  },
  { who: 'the ingress', kill: async (gateway) => gateway.ingress.signal('SIGKILL') },
];

describe(`a batch of ${lines} lines`, () => {
  test(
    'kill -9 of everybody, one after the other: each line ends once, and the books are the bill',
    { timeout: deadlineMs + 60_000 },
    async (t) => {
      await using gateway = await openDistributedGateway({ workers: 2 });
      const runner = await gateway.startBatchRunner();
      const other = await gateway.startIngress();
      const key = await gateway.newKey();
      const client = gateway.client(key).withOptions({ baseURL: `${other.url}/v1` });
      gateway.simulator.setBehaviour({ delayMs: 200, maxInFlight: callsAtATime });
      const created = await createBatch(client, chats(lines));
      for (const [nth, { who, kill }] of deaths.entries()) {
        const share = (lines * (nth + 1)) / (deaths.length + 2);
        await untilBatch(
          client,
          created.id,
          `alive to see ${who} die`,
          (batch) => (batch.request_counts?.completed ?? 0) >= share,
          deadlineMs,
        );
        await kill(gateway, runner);
        t.diagnostic(`${who} died after ${Math.round(share)} lines`);
      }
      gateway.simulator.setBehaviour({});
      const batch = await untilEnded(client, created, deadlineMs);
      const { output, errors } = await resultsOf(client, batch);
      assert.equal(batch.status, 'completed', JSON.stringify(batch.errors));
      assert.deepEqual(errors, []);
      assert.deepEqual(batch.request_counts, { total: lines, completed: lines, failed: 0 });
      assert.equal(output.length, lines);
      assert.equal(new Set(output.map((line) => line.custom_id)).size, lines);

      const rows = await waitUntil(
        async () => {
          assert.equal(gateway.simulator.callsInFlight(), 0);
          const found = await spendRows(
            {
              request: (path) =>
                fetch(`${other.url}${path}`, { headers: { authorization: `Bearer ${gateway.masterKey}` } }),
            },
            key,
          );
          const { unbooked, twice, differing } = compareWithBill(gateway.simulator.billed(), found);
          assert.deepEqual({ unbooked, twice, differing }, { unbooked: [], twice: [], differing: [] });
          return found;
        },
        { what: 'the books to hold every billed call', deadlineMs: 30_000 },
      );
      // A call that died with its worker is made again, and booked again; also one of which the answer was not kept yet.
      const answered = Map.groupBy(
        rows.filter(({ metadata }) => metadata.sluice.outcome === 'completed'),
        ({ metadata }) => metadata['custom_id'],
      );
      assert.equal(answered.size, lines);
      const again = [...answered.values()].filter((same) => same.length > 1);
      assert.ok(again.length < callsAtATime, `${again.length} lines were answered again`);
    },
  );

  test('its window ends: what ran is in the output, what did not is in the error file as batch_expired', async () => {
    await using gateway = await openDistributedGateway({ batchRunner: true });
    await using sql = await openPostgres({ url: gateway.databaseUrl, applicationName: 'batches-test' });
    const key = await gateway.newKey();
    const client = gateway.client(key);
    gateway.simulator.setBehaviour({ delayMs: 500, maxInFlight: 10 });
    const created = await createBatch(client, chats(200));
    await untilBatch(client, created.id, 'some lines', ({ request_counts: counts }) => (counts?.completed ?? 0) > 0);
    await sql.query('update ingress.batches set expires_at = now() where batch_id = $1', [created.id]);
    const batch = await untilEnded(client, created);
    assert.equal(batch.status, 'expired');
    const { output, errors } = await resultsOf(client, batch);
    assert.ok(output.length > 0);
    assert.equal(output.length + errors.length, 200);
    assert.deepEqual(
      [...new Set(errors.filter(({ response }) => response === null).map(({ error }) => error?.code))],
      ['batch_expired'],
    );
    assert.equal(batch.request_counts?.completed, output.length);
    assert.equal(batch.request_counts?.failed, errors.length);
  });
});
