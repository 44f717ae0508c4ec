import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import type { Logger } from '@sluice/shared/log.ts';
import type { FileStore } from '@sluice/shared/ports/file-store.ts';
import { keyCache } from '../auth/key-cache.ts';
import { filesIn } from '../files/files.ts';
import { createIngressMetrics } from '../ingress-metrics.ts';
import { openInferenceSteps } from '../inference/open-inference-steps.ts';
import type { InferenceStepsOptions } from '../inference/open-inference-steps.ts';
import { findPrincipalByFirstHash } from '../sql/find-principal.ts';
import { createAnnounce } from '../webhooks/announce.ts';
import { openWebhookSender } from '../webhooks/open-webhook-sender.ts';
import { createBatchMetrics, watchBatches } from './batch-metrics.ts';
import { createCallerOf } from './caller-of.ts';
import { Leases } from './leases.ts';
import { removeBatches } from './remove-batches.ts';
import { removeLines } from './remove-lines.ts';
import { runBatch } from './run-batch.ts';
import { repeat } from './repeat.ts';
import { Window } from './window.ts';

export interface BatchRunnerOptions extends Omit<InferenceStepsOptions, 'now' | 'metrics'> {
  readonly files: FileStore;
  readonly meter: Meter;
}

/** Batches that one runner has at a time. */
const batchesMax = 200;
/** So many are taken at once, so that several runners share what comes. */
const batchesAtOnce = 20;
const pollMs = 500;
const renewMs = 1_000;
const removeMs = 2_000;
const probeMs = 3_000;
const goneAfterMs = 10_000;

/**
 * Runs batches until disposed: any number of runners may, each batch is with one of them. Disposing it gives back what
 * it has; lines that are on their way run on, and whoever has the batch then gets their answers.
 */
export async function openBatchRunner(options: BatchRunnerOptions): Promise<AsyncDisposable> {
  const { config, log, sql, idempotency, meter, version } = options;
  const { webhooks } = config.sluice;
  const now = Date.now;
  const { window: lines, lineTimeoutMs } = config.sluice.batch;
  await using opening = new AsyncDisposableStack();
  const inference = opening.use(await openInferenceSteps({ ...options, metrics: createIngressMetrics(meter), now }));
  const deps = {
    sql,
    files: filesIn(sql, options.files, { now }),
    idempotency,
    bus: options.bus,
    queue: options.queue,
    steps: inference.steps,
    callerOf: createCallerOf({ findPrincipal: (hash) => findPrincipalByFirstHash(sql, hash), now, cache: keyCache }),
    window: new Window({ lines, now }),
    metrics: createBatchMetrics(meter),
    announce: createAnnounce(webhooks),
    begunMax: 2 * lines,
    lineTimeoutMs,
    probeMs,
    goneAfterMs,
    log,
    now,
  };
  watchBatches(meter, { ...deps, webhooks });
  opening.use(openWebhookSender({ webhooks, sql, meter, log, version, now, random: Math.random }));
  const runner = randomUUID();
  const leases = opening.use(
    new Leases({ sql, runner, batchesMax, batchesAtOnce, run: (held) => runBatch(held, deps), log, now }),
  );
  opening.use(repeat(() => leases.claim(), pollMs, failed(log, 'batches are not looked for')));
  opening.use(repeat(() => leases.renew(), renewMs, failed(log, 'leases of batches are not renewed')));
  opening.use(repeat(() => removeSome(), removeMs, failed(log, 'what has ended of batches is not removed')));
  const open = opening.move();
  return { [Symbol.asyncDispose]: () => open.disposeAsync() };

  /** A few steps at a time: the database has other things to do. */
  async function removeSome(): Promise<void> {
    for (let steps = 0; steps < 10 && (await removeLines(sql)); steps += 1);
    const before = now() - config.sluice.batch.retentionMs;
    for (let steps = 0; steps < 10 && (await removeBatches(sql, before)); steps += 1);
  }
}

function failed(log: Logger, message: string) {
  return (error: unknown) => log.warn({ err: error }, message);
}
