import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import { asOperator } from '../../src/auth/require-usable.ts';
import type { Batch } from '../../src/batches/batch.ts';
import type { CallerOf } from '../../src/batches/caller-of.ts';
import { collectKept } from '../../src/batches/collect-kept.ts';
import { lineScope } from '../../src/batches/run-line.ts';
import { createClaimKey } from '../../src/idempotency/claim.ts';

import { batchConfig, chatLine, openBatches, validate } from './open-batches.ts';
import type { Batches } from './open-batches.ts';

let batches: Batches;
before(async () => void (batches = await openBatches()));
after(() => batches[Symbol.asyncDispose]());

const lines = 250;
const usage = { inputTokens: 3, outputTokens: 4, cachedInputTokens: 0, reasoningTokens: 0 };
const onError = (error: unknown) => assert.fail(String(error));
const neverCalled = () => assert.fail('nothing is run');

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

/** A batch whose runner died when all but the last of its lines had been answered, and none stored. */
async function answeredBatch(text: string) {
  const store = createPostgresIdempotencyStore(batches.sql, { onError });
  const config = await batchConfig({ max_lines: 1_000 });
  const messages = [{ role: 'user', content: text }];
  const file = Array.from({ length: lines }, (_, nth) => chatLine(`c${nth + 1}`, { messages })).join('\n');
  const batch = await batches.claimed(await batches.upload(file));
  const sluice = { ...config.sluice, maxRequestBytes: 1024 * 1024 };
  assert.ok(await validate(batches, batch, { config: { ...config, sluice } }));
  for (let line = 1; line < lines; line += 1) {
    const claim = { scope: lineScope(batch.batchId, line), requestId: RequestId.parse(`chatcmpl-${randomUUID()}`) };
    await store.begin(claim, claim.scope);
    await store.queue(claim, Date.now() + 60_000);
    await store.finish(claim, answerOf(claim.requestId));
  }
  return { batch: await batches.read(batch.batchId), store, config };
}

async function collect({ batch, store, config }: Awaited<ReturnType<typeof answeredBatch>>, callerOf: CallerOf) {
  const signal = new AbortController().signal;
  const held = { signal, stopping: signal, stopOf: () => 'expired' as const, isValid: () => true, overtaken: () => {} };
  const steps = {
    claimKey: createClaimKey({ store, log: silentLogger, now: Date.now }),
    attribute: neverCalled,
    customerOf: async () => null,
    softBudgets: { ended: neverCalled },
    requireTurn: neverCalled,
    admit: neverCalled,
    dispatch: neverCalled,
    recordRefusal: neverCalled,
    config,
    version: '0',
    now: Date.now,
    newId: randomUUID,
  };
  const { sql, files } = batches;
  const metrics = { line: () => {} };
  const times = { begunMax: lines, lineTimeoutMs: 1_000, probeMs: 1_000, now: Date.now };
  const deps = { sql, files, idempotency: store, steps, callerOf, metrics, log: silentLogger, ...times };
  await collectKept({ ...held, batch }, deps);
  return batches.read(batch.batchId);
}

const counted = ({ completedLines, failedLines, costNanoUsd }: Batch) => [completedLines, failedLines, costNanoUsd];

for (const { what, text, callerOf } of [
  { what: 'however long they are', text: 'x'.repeat(30_000), callerOf: async () => asOperator },
  {
    what: 'also when their key is gone',
    text: 'Hi',
    callerOf: async () => {
      throw new GatewayError('key_unknown', 'The key that made this batch is gone.');
    },
  },
]) {
  test(`all lines that were answered get their answers, ${what}; one that nobody began gets none`, async () => {
    const ended = await collect(await answeredBatch(text), callerOf);
    assert.deepEqual(counted(ended), [lines - 1, 0, (lines - 1) * 5]);
  });
}
