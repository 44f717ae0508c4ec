import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { z } from 'zod';
import { asOperator } from '../../src/auth/require-usable.ts';
import { lineScope, runLine } from '../../src/batches/run-line.ts';
import { PerhapsQueuedError } from '../../src/dispatch/dispatch.ts';
import { createClaimKey } from '../../src/idempotency/claim.ts';
import type { InferenceSteps } from '../../src/inference/inference-steps.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import { batchConfig, chatLine, openBatches } from './open-batches.ts';
import type { Batches } from './open-batches.ts';

const dayMs = 86_400_000;

let batches: Batches;
before(async () => void (batches = await openBatches()));
after(() => batches[Symbol.asyncDispose]());

test('what becomes of a line is known for as long as its batch may need it, and a week more', async () => {
  const now = Date.now();
  const store = createPostgresIdempotencyStore(batches.sql, { onError: (error) => assert.fail(String(error)) });
  let queued = 0;
  const steps: InferenceSteps = {
    claimKey: createClaimKey({ store, log: silentLogger, now: Date.now }),
    attribute: async () => noAttribution,
    customerOf: async () => null,
    softBudgets: { ended: () => {} },
    requireTurn: async () => {},
    admit: async () => ({
      outputTokensCap: 10,
      reservedNanoUsd: 0,
      accounts: [],
      waitedMs: 0,
      giveBack: async () => {},
    }),
    // As far as the queue, and then its runner dies.
    dispatch: async (job, _text, claim) => {
      await claim?.queue(job.deadlineAt);
      queued += 1;
      throw new PerhapsQueuedError(new Error('the runner dies'));
    },
    recordRefusal: () => {},
    config: await batchConfig(),
    version: '0',
    now: Date.now,
    newId: randomUUID,
  };
  const batch = {
    batchId: 'batch_1',
    endpoint: '/v1/chat/completions' as const,
    keyFirstHash: 'operator',
    expiresAt: now + 30 * dayMs,
  };
  const bytes = Buffer.from(chatLine('a'));
  const line = { line: 1, customId: 'a', byteOffset: 0, byteLength: bytes.length, bytes };
  const run = { tries: 0, deadlineAt: now + 60_000, signal: new AbortController().signal, onQueued: () => {} };
  await runLine(batch, line, run, { steps, callerOf: async () => asOperator, log: silentLogger });
  assert.equal(queued, 1);

  const scope = lineScope(batch.batchId, 1);
  const { rows } = await batches.sql.query('select * from ingress.idempotency_records where scope = $1', [scope]);
  const { expires_at: expiresAt, request_id: requestId } = Row.parse(rows[0]);
  assert.ok(Math.abs(expiresAt.getTime() - (batch.expiresAt + 7 * dayMs)) < 60_000, expiresAt.toISOString());

  // The worker keeps the answer in its own time; all runners are away until the last day of the window.
  const claim = { scope, requestId: RequestId.parse(requestId) };
  await store.finish(claim, null);
  await batches.sql.query(`update ingress.idempotency_records set expires_at = expires_at - interval '29 days'`);
  const again = await store.begin({ scope, requestId: RequestId.parse(`chatcmpl-${randomUUID()}`) }, scope);
  assert.deepEqual(again, { type: 'finished', requestId, answer: null });
});

const Row = z.object({ expires_at: z.date(), request_id: z.string() });
