import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import type { TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import type { GatewayError } from '@sluice/shared/errors.ts';
import { asOperator } from '../../src/auth/require-usable.ts';
import { Leases } from '../../src/batches/leases.ts';
import { runBatch } from '../../src/batches/run-batch.ts';
import type { RunBatchDeps } from '../../src/batches/run-batch.ts';
import { Window } from '../../src/batches/window.ts';
import type { Dispatch } from '../../src/dispatch/dispatch.ts';
import { createClaimKey } from '../../src/idempotency/claim.ts';
import type { InferenceSteps } from '../../src/inference/inference-steps.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import { batchConfig } from './open-batches.ts';
import type { Batches } from './open-batches.ts';

const usage = { inputTokens: 3, outputTokens: 4, cachedInputTokens: 0, reasoningTokens: 0 };

/** An answer of one choice. */
export function textAnswer(text: string): TokenEvent[] {
  return [
    { type: 'text-delta', choice: 0, text },
    { type: 'choice-end', choice: 0, finishReason: 'stop' },
    { type: 'answer-end', usage, costNanoUsd: 5 },
  ];
}

const interrupted: TokenEvent = {
  type: 'answer-error',
  code: 'stream_interrupted',
  message: 'The answer was interrupted.',
  param: null,
  retryAfterSeconds: null,
};

export interface RunnerOptions {
  /** What a worker gives for a request; null: none takes it. */
  readonly answer: (body: string) => Promise<TokenEvent[]> | null;
  /** Asked at admission: why the request is refused. */
  readonly refuse?: () => GatewayError | null;
  readonly now?: () => number;
  readonly deps?: Partial<RunBatchDeps>;
}

/** A runner that a test steps through: real but for the queue, the workers and admission. */
export async function openRunner({ sql, files }: Batches, options: RunnerOptions) {
  const { answer, refuse = () => null, now = Date.now, deps } = options;
  const idempotency = createPostgresIdempotencyStore(sql, { onError: (error: unknown) => assert.fail(String(error)) });
  const dispatch: Dispatch = async (job, body, claim) => {
    const { requestId, admittedAt } = job;
    await claim?.queue(job.deadlineAt);
    const given = Promise.withResolvers<TokenEvent[]>();
    const answered = answer(body);
    const work = async (answering: Promise<TokenEvent[]>): Promise<void> => {
      const events = await answering;
      const kept = { version: 1, requestId, callId: 'call', admittedAt, events } as const;
      if (claim) await idempotency.finish({ scope: claim.scope, requestId }, kept);
      given.resolve(events);
    };
    if (answered !== null) void work(answered).catch(given.reject);
    return {
      async *[Symbol.asyncIterator]() {
        yield await given.promise;
      },
      async withdraw() {
        if (answered !== null) return false;
        await claim?.forget();
        given.resolve([interrupted]);
        return true;
      },
      cancel: async () => given.resolve([interrupted]),
      [Symbol.asyncDispose]: async () => {},
    };
  };
  const steps: InferenceSteps = {
    claimKey: createClaimKey({ store: idempotency, log: silentLogger, now }),
    attribute: async () => noAttribution,
    customerOf: async () => null,
    softBudgets: { ended: () => {} },
    requireTurn: async () => {},
    admit: async ({ outputTokensCap }) => {
      const error = refuse();
      if (error) throw error;
      return { outputTokensCap, reservedNanoUsd: 0, accounts: [], waitedMs: 0, giveBack: async () => {} };
    },
    dispatch,
    recordRefusal: () => {},
    config: await batchConfig(),
    version: '0',
    now,
    newId: randomUUID,
  };
  const window = new Window({ lines: 1_000, now });
  const all: RunBatchDeps = {
    sql,
    files,
    idempotency,
    steps,
    callerOf: async () => asOperator,
    metrics: { line: () => {} },
    log: silentLogger,
    window,
    bus: { cancel: async () => {} },
    queue: { withdraw: async () => false },
    announce: async () => {},
    begunMax: 1_000,
    lineTimeoutMs: 600_000,
    probe: { firstMs: 3_000, mostMs: 30_000 },
    changes: { listen: () => ({ [Symbol.dispose]: () => {} }) },
    random: () => 0.999,
    goneAfterMs: 1_000,
    now,
    ...deps,
  };
  const leases = new Leases({
    sql,
    runner: randomUUID(),
    batchesMax: 200,
    batchesAtOnce: 20,
    run: (held) => runBatch(held, all),
    log: silentLogger,
    now,
  });
  return { leases, window, [Symbol.asyncDispose]: () => leases[Symbol.asyncDispose]() };
}
