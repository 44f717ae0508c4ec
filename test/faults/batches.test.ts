import assert from 'node:assert/strict';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import OpenAI, { toFile } from 'openai';
import { z } from 'zod';
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

/** Nano-USD. */
const costOf = (batch: unknown) => Math.round(Cost.parse(batch).sluice.cost_usd * 1e9);
const spentOf = (rows: readonly { readonly spend: number }[]) =>
  rows.reduce((sum, { spend }) => sum + Math.round(spend * 1e9), 0);
const Cost = z.looseObject({ sluice: z.looseObject({ cost_usd: z.number() }) });

/** Each process that a batch needs, and how another takes its place. */
const deaths: readonly {
  readonly who: string;
  readonly kill: (gateway: DistributedGateway, runner: Child) => Promise<unknown>;
}[] = [
  // First: what it had in hand is offered to the next one after half a minute.
  {
    who: 'the ledger',
    kill: async (gateway) => {
      gateway.ledger.signal('SIGKILL');
      await gateway.startLedger();
    },
  },
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
      const startedAt = performance.now();
      const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
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
        t.diagnostic(`${who} died after ${Math.round(share)} lines and ${seconds()} s`);
      }
      gateway.simulator.setBehaviour({});
      const batch = await untilEnded(client, created, deadlineMs);
      t.diagnostic(`ended after ${seconds()} s`);
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
      t.diagnostic(`booked after ${seconds()} s`);
      // A call that died with its worker is made again, and booked again; also one of which the answer was not kept yet.
      const answered = Map.groupBy(
        rows.filter(({ metadata }) => metadata.sluice.outcome === 'completed'),
        ({ metadata }) => metadata['custom_id'],
      );
      assert.equal(answered.size, lines);
      // Of a call whose worker died before it could say what was booked, the batch counts all that it may have cost.
      assert.ok(costOf(batch) >= spentOf(rows), 'the batch says no less than the books');
      const again = [...answered.values()].filter((same) => same.length > 1);
      assert.ok(again.length < callsAtATime, `${again.length} lines were answered again`);
    },
  );
});

describe('batches that do not go as they should', () => {
  let gateway: DistributedGateway;
  let sql: SqlPool & AsyncDisposable;
  before(async () => {
    gateway = await openDistributedGateway();
    sql = await openPostgres({ url: gateway.databaseUrl, applicationName: 'batches-test' });
  });
  after(async () => {
    await sql[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });
  beforeEach(() => gateway.simulator.clearBilled());
  afterEach(() => gateway.simulator.setBehaviour({}));

  const runners: Child[] = [];
  before(async () => runners.push(await gateway.startBatchRunner()));

  /** Calls run, and none has ended for a second: so no line has been begun in the place of another. */
  const isQuiet = () => {
    const last = Math.max(...gateway.simulator.billed().map(({ endedAt }) => endedAt));
    return gateway.simulator.callsInFlight() > 0 && Date.now() - last > 1_000;
  };
  const begun = ({ request_counts: counts }: OpenAI.Batches.Batch) => (counts?.completed ?? 0) > 0;

  /** Fails unless each line is in one of the files, those that ran in the books, and the rest is there as `code`. */
  async function assertWhole(key: string, batch: OpenAI.Batches.Batch, total: number, code: string): Promise<void> {
    const { output, errors } = await resultsOf(gateway.client(key), batch);
    assert.ok(output.length > 0);
    assert.equal(new Set([...output, ...errors].map((line) => line.custom_id)).size, total);
    assert.deepEqual(batch.request_counts, { total, completed: output.length, failed: errors.length });
    const neverRan = errors.filter(({ response }) => response === null);
    assert.deepEqual([...new Set(neverRan.map(({ error }) => error?.code))], [code]);
    const codes = errors.flatMap(({ response }) => (response === null ? [] : [JSON.stringify(response.body)]));
    assert.deepEqual(
      codes.filter((body) => body.includes('answer_not_kept')),
      [],
    );
    await waitUntil(
      async () => {
        assert.equal(gateway.simulator.callsInFlight(), 0);
        const rows = await spendRows(gateway, key);
        const { unbooked, twice, differing } = compareWithBill(gateway.simulator.billed(), rows);
        assert.deepEqual({ unbooked, twice, differing }, { unbooked: [], twice: [], differing: [] });
        assert.equal(costOf(batch), spentOf(rows));
        return true;
      },
      { what: 'the books to be the bill' },
    );
  }

  test('its window ends: what ran is in the output, what did not is in the error file as batch_expired', async () => {
    const key = await gateway.newKey();
    const client = gateway.client(key);
    gateway.simulator.setBehaviour({ delayMs: 500, maxInFlight: 10 });
    const created = await createBatch(client, chats(200));
    await untilBatch(client, created.id, 'some lines', begun);
    await sql.query('update ingress.batches set expires_at = now() where batch_id = $1', [created.id]);
    const batch = await untilEnded(client, created);
    assert.equal(batch.status, 'expired');
    await assertWhole(key, batch, 200, 'batch_expired');
  });

  test('the store loses its file, before it is checked or while it runs: it has failed and says why, and what ran is in the output', async () => {
    const key = await gateway.newKey();
    const client = gateway.client(key);
    const loseFile = (id: string) => sql.query('delete from ingress.file_chunks where name = $1', [id]);
    const { id } = await client.files.create({ file: await toFile(Buffer.from('{}\n'), 'in.jsonl'), purpose: 'batch' });
    await loseFile(id);
    const asked = { completion_window: '24h', endpoint: '/v1/chat/completions', input_file_id: id } as const;
    const unchecked = await client.batches.create(asked);

    gateway.simulator.setBehaviour({ delayMs: 500, maxInFlight: 10 });
    // Long enough that most of the file is not read yet.
    const bodies = chats(400).map((body) => ({ ...body, metadata: { of: 'x'.repeat(30_000) } }));
    const created = await createBatch(client, bodies);
    await untilBatch(client, created.id, 'some lines', begun);
    await loseFile(created.input_file_id);
    gateway.simulator.setBehaviour({});
    const [batch, other] = await Promise.all([created, unchecked].map((one) => untilEnded(client, one, 40_000)));
    assert.ok(batch && other);
    for (const { status, errors } of [batch, other]) {
      assert.equal(status, 'failed');
      assert.deepEqual(
        errors?.data?.map(({ code }) => code),
        ['input_file_not_found'],
      );
    }
    assert.equal(other.output_file_id, null);
    await assertWhole(key, batch, 400, 'batch_failed');
  });

  test('cancelled when its runner has just died: what runs is stopped within seconds, and nothing is unknown', async () => {
    const key = await gateway.newKey();
    const client = gateway.client(key);
    gateway.simulator.setBehaviour({ delayMs: 500, maxInFlight: 20 });
    const created = await createBatch(client, chats(400));
    await untilBatch(client, created.id, 'some lines', begun);
    // Killed between what says that a line is about to be queued and its queueing, nobody could say whether it has run.
    gateway.simulator.setBehaviour({ delayMs: 30_000, maxInFlight: 20 });
    await waitUntil(isQuiet, { what: 'calls that take for ever, and no new line for a while' });
    runners[0]?.signal('SIGKILL');
    await client.batches.cancel(created.id);
    runners.unshift(await gateway.startBatchRunner());
    const batch = await untilEnded(client, created, 40_000);
    assert.equal(batch.status, 'cancelled');
    await assertWhole(key, batch, 400, 'batch_cancelled');
  });

  describe('two runners at once', () => {
    let second: Child;
    before(async () => void (second = await gateway.startBatchRunner()));

    const StateRow = z.object({ runners: z.int(), unheld: z.int(), epoch: z.int() });
    /** Of batches that have not ended: how many runners have them, and how many nobody has; how often one was taken. */
    const stateOf = async (ids: readonly string[]) => {
      const { rows } = await sql.query(
        `select count(distinct runner)::int as runners,
           (count(*) filter (where status <> 'completed' and (lease_until is null or lease_until < now())))::int as unheld,
           max(lease_epoch)::int as epoch
         from ingress.batches where batch_id = any ($1)`,
        [ids],
      );
      return StateRow.parse(rows[0]);
    };

    async function assertEachLineOnce(client: OpenAI, created: readonly OpenAI.Batches.Batch[], lineCount: number) {
      for (const one of created) {
        const batch = await untilEnded(client, one, 60_000);
        assert.deepEqual(batch.request_counts, { total: lineCount, completed: lineCount, failed: 0 });
        const { output } = await resultsOf(client, batch);
        assert.equal(new Set(output.map((line) => line.custom_id)).size, lineCount);
      }
      assert.equal(gateway.simulator.billed().length, created.length * lineCount, 'no call was made twice');
    }

    test('many batches: both have some, each is taken once, and each line is run once', async () => {
      const client = gateway.client(await gateway.newKey());
      gateway.simulator.setBehaviour({ delayMs: 300 });
      const first = await createBatch(client, chats(12));
      const { input_file_id } = first;
      const asked = { completion_window: '24h', endpoint: '/v1/chat/completions', input_file_id } as const;
      const others = Array.from({ length: 49 }, () => client.batches.create(asked));
      const created = [first, ...(await Promise.all(others))];
      const ids = created.map(({ id }) => id);
      await waitUntil(async () => (await stateOf(ids)).runners === 2, { what: 'both to have batches' });
      await assertEachLineOnce(client, created, 12);
      assert.equal((await stateOf(ids)).epoch, 1);
    });

    test('one is stopped: the other has its batches within seconds, and no call is made twice', async () => {
      const client = gateway.client(await gateway.newKey());
      gateway.simulator.setBehaviour({ delayMs: 500, maxInFlight: 20 });
      const created = await Promise.all([1, 2, 3].map(() => createBatch(client, chats(60))));
      const ids = created.map(({ id }) => id);
      await Promise.all(created.map(({ id }) => untilBatch(client, id, 'some lines', begun)));
      // Whichever has them.
      const stopped = runners[0];
      assert.ok(stopped);
      stopped.signal('SIGTERM');
      await stopped.exited;
      await waitUntil(
        async () => {
          const { runners: left, unheld } = await stateOf(ids);
          return unheld === 0 && left <= 1;
        },
        { what: 'the other to have them', deadlineMs: 3_000 },
      );
      runners[0] = second;
      gateway.simulator.setBehaviour({});
      await assertEachLineOnce(client, created, 60);
      const { epoch } = await stateOf(ids);
      assert.ok(epoch <= 2, `${epoch} times`);
    });
  });
});
