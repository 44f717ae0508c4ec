import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { z } from 'zod';
import { billedNanoUsd, compareWithBill, spendRows } from '../faults/books.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { post } from './ask.ts';
import { createBatch, resultsOf, untilBatch, untilEnded } from './batch-files.ts';
import type { LineBody } from './batch-files.ts';
import { gateways } from './gateway.ts';
import type { TestGateway } from './gateway.ts';
import { models } from './inference-requests.ts';

const chat = (text: string, steering: object = {}, model = 'llama'): LineBody => ({
  model,
  max_tokens: 64,
  messages: [{ role: 'user', content: `${text} #sim ${JSON.stringify(steering)}` }],
});
const chats = (count: number, steering: object = {}) =>
  Array.from({ length: count }, (_, nth) => chat(`Request ${nth}.`, steering));

const Answer = z.record(z.string(), z.unknown());
const Completion = z.object({
  object: z.literal('chat.completion'),
  choices: z.tuple([z.looseObject({ message: z.looseObject({ content: z.string().min(1) }) })]),
  usage: z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.int() }),
});
const Team = z.looseObject({ team_id: z.string() });
const Key = z.looseObject({ key: z.string() });
const Paused = z.looseObject({ sluice: z.looseObject({ paused_reason: z.string().nullable() }) });
const pausedReason = (batch: unknown) => Paused.parse(batch).sluice.paused_reason;

const otherEndpoints: readonly { readonly endpoint: string; readonly body: LineBody; readonly has: string }[] = [
  { endpoint: '/v1/embeddings', body: { model: 'embed', input: ['Hello.', 'World.'] }, has: 'data' },
  { endpoint: '/v1/completions', body: { model: 'llama', prompt: 'Say', max_tokens: 8 }, has: 'choices' },
  {
    endpoint: '/v1/rerank',
    body: { model: 'rank', query: 'sea', documents: ['the sea', 'a wall'] },
    has: 'results',
  },
  { endpoint: '/v1/moderations', body: { model: 'guard', input: 'Hello.' }, has: 'results' },
];

for (const { mode, open } of gateways) {
  describe(`${mode}: batches`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open({ models, batchRunner: true });
    });
    after(() => gateway[Symbol.asyncDispose]());
    afterEach(() => gateway.simulator.setBehaviour({}));

    const start = async (fields: Record<string, unknown> = {}) => {
      gateway.simulator.clearBilled();
      const key = await gateway.newKey(fields);
      return { key, client: gateway.client(key) };
    };

    /** Fails unless the books are the provider's bill, call for call; and every call has ended, unless some may be cut. */
    const assertBooked = (key: string, { someAreCut = false } = {}) =>
      waitUntil(
        async () => {
          const rows = await spendRows(gateway, key);
          const bill = gateway.simulator.billed();
          const { unbooked, twice, differing, completedNanoUsd } = compareWithBill(bill, rows);
          assert.deepEqual({ unbooked, twice, differing }, { unbooked: [], twice: [], differing: [] });
          if (!someAreCut) assert.equal(completedNanoUsd, billedNanoUsd(bill));
          return rows;
        },
        { what: 'the books to be the bill' },
      );

    test('the openai SDK, unchanged: what succeeds is in the output, what is refused in the error file, all is booked', async () => {
      const { key, client } = await start();
      const refused = { fail: { status: 400, message: 'The prompt is not to its taste.' } };
      const bodies = [...chats(20), chat('Refused.', refused)];
      const created = await createBatch(client, bodies, { metadata: { of: 'the test' } });
      assert.match(created.id, /^batch_[0-9a-f]{32}$/);
      const batch = await untilEnded(client, created);
      assert.equal(batch.status, 'completed');
      assert.deepEqual(batch.request_counts, { total: 21, completed: 20, failed: 1 });
      assert.deepEqual(batch.metadata, { of: 'the test' });

      const { output, errors } = await resultsOf(client, batch);
      assert.deepEqual(
        output.map((line) => line.custom_id),
        Array.from({ length: 20 }, (_, nth) => `line-${nth}`),
        'in the order of the file',
      );
      const usage = { input: 0, output: 0 };
      for (const { response, error } of output) {
        assert.equal(error, null);
        assert.equal(response?.status_code, 200);
        const { usage: own } = Completion.parse(response.body);
        usage.input += own.prompt_tokens;
        usage.output += own.completion_tokens;
      }
      assert.equal(batch.usage?.input_tokens, usage.input);
      assert.equal(batch.usage?.output_tokens, usage.output);
      assert.equal(batch.usage?.total_tokens, usage.input + usage.output);

      const [failed] = errors;
      assert.equal(errors.length, 1);
      assert.equal(failed?.custom_id, 'line-20');
      assert.equal(failed.response?.status_code, 400);
      assert.match(JSON.stringify(failed.response.body['error']), /not to its taste/);

      const rows = await assertBooked(key);
      assert.equal(rows.filter(({ status }) => status === 'success').length, 20);
      assert.equal(rows.filter(({ status }) => status === 'failure').length, 1);
      const customIds = new Set(
        rows.map(({ metadata }) => `${String(metadata['batch_id'])} ${String(metadata['custom_id'])}`),
      );
      assert.deepEqual(customIds, new Set(bodies.map((_, nth) => `${batch.id} line-${nth}`)));
    });

    for (const { endpoint, body, has } of otherEndpoints) {
      test(`${endpoint}: a line's answer is that of the same request`, async () => {
        const { key, client } = await start();
        const direct = await post(gateway, endpoint, body, { key });
        assert.equal(direct.status, 200, direct.text);
        const created = await createBatch(client, [body], { endpoint });
        const batch = await untilEnded(client, created);
        assert.deepEqual(batch.request_counts, { total: 1, completed: 1, failed: 0 }, JSON.stringify(batch));
        const { output } = await resultsOf(client, batch);
        const answer = output[0]?.response?.body ?? {};
        assert.deepEqual(answer[has], Answer.parse(JSON.parse(direct.text))[has]);
      });
    }

    test('cancelled in the middle: done within seconds, what ran is in the output, what did not in the error file', async () => {
      const { key, client } = await start();
      gateway.simulator.setBehaviour({ delayMs: 1_000, maxInFlight: 20 });
      const created = await createBatch(client, chats(400));
      await untilBatch(client, created.id, 'some lines', ({ request_counts: counts }) => (counts?.completed ?? 0) > 0);
      const asked = await client.batches.cancel(created.id);
      assert.equal(asked.status, 'cancelling');
      const batch = await untilEnded(client, created, 15_000);
      assert.equal(batch.status, 'cancelled');
      const { output, errors } = await resultsOf(client, batch);
      assert.ok(output.length > 0 && errors.length > 0);
      assert.equal(output.length + errors.length, 400);
      assert.equal(new Set([...output, ...errors].map((line) => line.custom_id)).size, 400);
      assert.deepEqual(batch.request_counts, { total: 400, completed: output.length, failed: errors.length });
      const neverRan = errors.filter(({ response }) => response === null);
      assert.ok(neverRan.length > 0);
      assert.deepEqual([...new Set(neverRan.map(({ error }) => error?.code))], ['batch_cancelled']);
      await waitUntil(() => gateway.simulator.callsInFlight() === 0, { what: 'no calls' });
      assert.equal(gateway.simulator.billed().length, output.length + errors.length - neverRan.length);
      await assertBooked(key, { someAreCut: true }); // what still runs after a few seconds
    });

    test('a spent budget pauses the batch, which says so; when it is raised, the batch goes on', async () => {
      const { key, client } = await start({ max_budget: 0.0005 });
      const created = await createBatch(client, chats(60, { outputTokens: 60 }));
      await untilBatch(client, created.id, 'paused', (batch) => pausedReason(batch) === 'budget_exceeded');
      const rowsBefore = (await spendRows(gateway, key)).filter(({ status }) => status === 'failure').length;
      assert.equal(rowsBefore, 0, 'a line that is put back leaves no failure');
      await post(gateway, '/key/update', { key, max_budget: 10 });
      const batch = await untilEnded(client, created);
      assert.deepEqual(batch.request_counts, { total: 60, completed: 60, failed: 0 });
      assert.equal(pausedReason(batch), null);
      await assertBooked(key);
    });

    test('a key that is blocked pauses the batch, until it is unblocked; the team still sees it', async () => {
      const team = await post(gateway, '/team/new', {});
      const { team_id } = Team.parse(JSON.parse(team.text));
      const { key, client } = await start({ team_id });
      const other = gateway.client(await gateway.newKey({ team_id }));
      gateway.simulator.setBehaviour({ delayMs: 300, maxInFlight: 5 });
      const created = await createBatch(client, chats(60));
      await untilBatch(client, created.id, 'begun', ({ request_counts: counts }) => (counts?.completed ?? 0) > 0);
      await post(gateway, '/key/block', { key });
      await untilBatch(other, created.id, 'paused', (batch) => pausedReason(batch) === 'key_blocked');
      gateway.simulator.setBehaviour({});
      await post(gateway, '/key/unblock', { key });
      const batch = await untilEnded(other, created);
      assert.deepEqual(batch.request_counts, { total: 60, completed: 60, failed: 0 });
      assert.equal(pausedReason(batch), null);
      await assertBooked(key);
    });

    test('a key that is made anew: its batch goes on', async () => {
      const { key, client } = await start();
      gateway.simulator.setBehaviour({ delayMs: 300, maxInFlight: 5 });
      const created = await createBatch(client, chats(40));
      await untilBatch(client, created.id, 'begun', ({ request_counts: counts }) => (counts?.completed ?? 0) > 0);
      const made = await post(gateway, '/key/regenerate', { key });
      const { key: anew } = Key.parse(JSON.parse(made.text));
      gateway.simulator.setBehaviour({});
      const batch = await untilEnded(gateway.client(anew), created);
      assert.deepEqual(batch.request_counts, { total: 40, completed: 40, failed: 0 });
    });

    test('a provider that throttles: no line fails for it', async () => {
      const { key, client } = await start();
      gateway.simulator.setBehaviour({ delayMs: 50, maxInFlight: 3 });
      const created = await createBatch(client, chats(100));
      const batch = await untilEnded(client, created, 60_000);
      assert.deepEqual(batch.request_counts, { total: 100, completed: 100, failed: 0 });
      await assertBooked(key);
    });
  });
}
