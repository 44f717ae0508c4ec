import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import { laneQueue } from '@sluice/shared/contracts/lane-queue.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import type { IdempotencyStore } from '@sluice/shared/ports/idempotency-store.ts';
import { asOperator } from '../../src/auth/require-usable.ts';
import type { Batch, NewBatch } from '../../src/batches/batch.ts';
import { collectKept } from '../../src/batches/collect-kept.ts';
import type { CollectKeptDeps } from '../../src/batches/collect-kept.ts';
import { lineScope } from '../../src/batches/run-line.ts';
import { Window } from '../../src/batches/window.ts';
import { createClaimKey } from '../../src/idempotency/claim.ts';
import { batchConfig, chatLine, openBatches, validate } from './open-batches.ts';
import type { Batches } from './open-batches.ts';

let batches: Batches;
before(async () => void (batches = await openBatches()));
after(() => batches[Symbol.asyncDispose]());

const usage = { inputTokens: 3, outputTokens: 4, cachedInputTokens: 0, reasoningTokens: 0 };
const onError = (error: unknown) => assert.fail(String(error));
const neverCalled = () => assert.fail('nothing is run');
/** Of the clock that waits are measured by; leases have the database's. */
const speed = 20;
const startedAt = Date.now();
const now = () => startedAt + (Date.now() - startedAt) * speed;
const claimLeaseMs = 600;

function answerOf(requestId: RequestId): KeptAnswer {
  return {
    version: 1,
    requestId,
    callId: 'call',
    admittedAt: 1_799_999_999_000,
    events: [
      { type: 'text-delta', choice: 0, text: 'Hello.' },
      { type: 'choice-end', choice: 0, finishReason: 'stop' },
      { type: 'answer-end', usage, costNanoUsd: 5 },
    ],
  };
}

interface Made {
  readonly batch: Batch;
  readonly store: IdempotencyStore;
  readonly config: Awaited<ReturnType<typeof batchConfig>>;
}

/** A batch whose runner died. */
async function madeBatch(lines: readonly string[], changes: Partial<NewBatch> = {}): Promise<Made> {
  const store = createPostgresIdempotencyStore(batches.sql, { onError, claimLeaseMs });
  const config = await batchConfig({ max_lines: 1_000 });
  const batch = await batches.claimed(await batches.upload(lines.join('\n')), changes);
  const sluice = { ...config.sluice, maxRequestBytes: 1024 * 1024 };
  assert.ok(await validate(batches, batch, { config: { ...config, sluice } }));
  return { batch: await batches.read(batch.batchId), store, config };
}

type Record = 'claimed' | 'queued' | 'finished';

/** Of a line that its runner had begun. @returns the request that has it */
async function leave({ batch, store }: Made, line: number, state: Record): Promise<RequestId> {
  const requestId = RequestId.parse(`chatcmpl-${randomUUID()}`);
  const claim = { scope: lineScope(batch.batchId, line), requestId };
  await store.begin(claim, claim.scope);
  if (state !== 'claimed') await store.queue(claim, now() + 3_600_000);
  if (state === 'finished') await store.finish(claim, answerOf(requestId));
  return requestId;
}

async function collect({ batch, store, config }: Made, changes: Partial<CollectKeptDeps> = {}): Promise<Batch> {
  const signal = new AbortController().signal;
  const held = { signal, stopping: signal, stopOf: () => 'expired' as const, isValid: () => true, overtaken: () => {} };
  const steps = {
    claimKey: createClaimKey({ store, log: silentLogger, now }),
    attribute: neverCalled,
    customerOf: async () => null,
    softBudgets: { ended: neverCalled },
    requireTurn: neverCalled,
    admit: neverCalled,
    dispatch: neverCalled,
    recordRefusal: neverCalled,
    config,
    version: '0',
    now,
    newId: randomUUID,
  };
  const { sql, files } = batches;
  await collectKept(
    { ...held, batch },
    {
      sql,
      files,
      idempotency: store,
      steps,
      callerOf: async () => asOperator,
      metrics: { line: () => {} },
      log: silentLogger,
      window: new Window({ lines: 1_000, now }),
      bus: { cancel: neverCalled },
      queue: { withdraw: neverCalled },
      begunMax: 1_000,
      lineTimeoutMs: 1_000,
      probe: { firstMs: 1_000, mostMs: 1_000 },
      changes: { listen: neverCalled },
      random: () => 0,
      goneAfterMs: 1_000,
      now,
      ...changes,
    },
  );
  return batches.read(batch.batchId);
}

const counted = ({ completedLines, failedLines, costNanoUsd }: Batch) => [completedLines, failedLines, costNanoUsd];

/** By line: status and body, null for one without a result. */
async function results({ batchId }: Batch): Promise<unknown[]> {
  const { rows } = await batches.sql.query(
    `select jsonb_build_array(status_code, result::jsonb -> 'response' -> 'body') as result
     from ingress.batch_lines where batch_id = $1 order by line`,
    [batchId],
  );
  return rows.map((row) => (typeof row === 'object' && row !== null && 'result' in row ? row.result : row));
}

const gone = async () => {
  throw new GatewayError('key_unknown', 'The key that made this batch is gone.');
};
for (const { what, text, callerOf } of [
  { what: 'however long they are', text: 'x'.repeat(30_000), callerOf: async () => asOperator },
  { what: 'also when their key is gone', text: 'Hi', callerOf: gone },
]) {
  test(`all lines that were answered get their answers, ${what}; one that nobody began gets none`, async () => {
    const lines = 250;
    const messages = [{ role: 'user', content: text }];
    const made = await madeBatch(Array.from({ length: lines }, (_, nth) => chatLine(`c${nth + 1}`, { messages })));
    for (let line = 1; line < lines; line += 1) await leave(made, line, 'finished');
    assert.deepEqual(counted(await collect(made, { callerOf, begunMax: lines })), [lines - 1, 0, (lines - 1) * 5]);
  });
}

test('answers are collected also when the file is lost; nothing else of it has a result', async () => {
  const made = await madeBatch([chatLine('a'), chatLine('b'), chatLine('c')]);
  await leave(made, 1, 'finished');
  await leave(made, 3, 'finished');
  await batches.sql.query('delete from ingress.file_chunks where name = $1', [made.batch.inputFileId]);
  assert.deepEqual(counted(await collect(made, { callerOf: gone })), [2, 0, 10]);
  assert.match(JSON.stringify(await results(made.batch)), /"content": ?"Hello\."/);
});

test('a file store that does not come back holds up nobody for ever', async () => {
  const made = await madeBatch([chatLine('a'), chatLine('b')]);
  await leave(made, 1, 'finished');
  let asked = 0;
  const next = async () => {
    asked += 1;
    throw new GatewayError('dependency_unavailable', 'The file store is not available.');
  };
  const files = { read: () => ({ [Symbol.asyncIterator]: () => ({ next }) }) };
  assert.deepEqual(counted(await collect(made, { files })), [1, 0, 5]);
  assert.ok(asked > 1);
});

test('a request that would be taken no more: its line gets the answer that there is', async () => {
  const body = { model: undefined, messages: undefined, max_tokens: undefined, input: 'Hi' };
  const url = '/v1/moderations';
  const made = await madeBatch([chatLine('a', body, { url })], { endpoint: url });
  const { aliases, ...rest } = made.config;
  const without = new Map([...aliases].filter(([, { mode }]) => mode !== 'moderation'));
  await leave(made, 1, 'finished');
  const ended = await collect({ ...made, config: { ...rest, aliases: without } });
  assert.deepEqual(counted(ended), [1, 0, 5]);
});

test('a line that was claimed and not queued is waited for until its claim has run out: it never ran', async () => {
  const made = await madeBatch([chatLine('a'), chatLine('b')]);
  await leave(made, 1, 'claimed');
  assert.deepEqual(counted(await collect(made)), [0, 0, 0]);
});

test('a line that still runs is stopped, and gets what its worker has kept', async () => {
  const made = await madeBatch([chatLine('a')]);
  const requestId = await leave(made, 1, 'queued');
  const claim = { scope: lineScope(made.batch.batchId, 1), requestId };
  const cancelled: string[] = [];
  const cancel = async (asked: RequestId) => {
    cancelled.push(asked);
    if (cancelled.length === 2) await made.store.finish(claim, answerOf(asked)); // a worker that took it over
  };
  assert.deepEqual(counted(await collect(made, { bus: { cancel } })), [1, 0, 5]);
  assert.deepEqual([...new Set(cancelled)], [requestId]);
});

for (const { what, isWaiting, failed } of [
  { what: 'that waits still for a worker is taken back: it never ran', isWaiting: true, failed: 0 },
  { what: 'of which nothing is heard may have been billed, and says so', isWaiting: false, failed: 1 },
]) {
  test(`a line ${what}`, async () => {
    const made = await madeBatch([chatLine('a')]);
    const requestId = await leave(made, 1, 'queued');
    const asked: unknown[] = [];
    const withdraw = async (...job: unknown[]) => {
      asked.push(job);
      return isWaiting;
    };
    const ended = await collect(made, { bus: { cancel: async () => {} }, queue: { withdraw } });
    assert.deepEqual(asked, [[laneQueue('grok', 'batch'), requestId]]);
    assert.deepEqual(counted(ended), [0, failed, 0]);
    const claim = { scope: lineScope(made.batch.batchId, 1), requestId: RequestId.parse(`chatcmpl-${randomUUID()}`) };
    assert.equal((await made.store.begin(claim, claim.scope)).type, isWaiting ? 'claimed' : 'running');
    if (!isWaiting)
      assert.match(JSON.stringify(await results(made.batch)), /\[409, .*answer_not_kept|may have been billed/);
  });
}
