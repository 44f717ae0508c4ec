import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import type { Logger } from '@sluice/shared/log.ts';
import type { FileStore } from '@sluice/shared/ports/file-store.ts';
import { keyCache } from '../auth/key-cache.ts';
import { filesIn } from '../files/files.ts';
import { createIngressMetrics } from '../ingress-metrics.ts';
import { openInferenceSteps } from '../inference/open-inference-steps.ts';
import type { InferenceStepsOptions } from '../inference/open-inference-steps.ts';
import { repeat } from '../repeat.ts';
import { findPrincipalByFirstHash } from '../sql/find-principal.ts';
import { createAnnounce } from '../webhooks/announce.ts';
import { openWebhookSender } from '../webhooks/open-webhook-sender.ts';
import { createBatchMetrics, watchBatches } from './batch-metrics.ts';
import { createCallerOf } from './caller-of.ts';
import { Leases } from './leases.ts';
import { ManagementChanges } from './management-changes.ts';
import { removeBatches } from './remove-batches.ts';
import { removeLines } from './remove-lines.ts';
import { runBatch } from './run-batch.ts';
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
const probe = { firstMs: 3_000, mostMs: 30_000 };
const changesMs = 1_000;
const goneAfterMs = 10_000;

/**
 * Opens a batch runner, which takes batches that wait and runs them until it is disposed. Any number of runners may work
 * on one database: a lease says which of them has a batch. Disposing gives the leases back; jobs of lines that are
 * queued go on, and the next runner of the batch collects their answers.
 */
export async function openBatchRunner(options: BatchRunnerOptions): Promise<AsyncDisposable> {
  const { config, log, sql, idempotency, meter, version } = options;
  const { webhooks } = config.sluice;
  const now = Date.now;
  const { window: lines, lineTimeoutMs } = config.sluice.batch;
  await using opening = new AsyncDisposableStack();
  const inference = opening.use(await openInferenceSteps({ ...options, metrics: createIngressMetrics(meter), now }));
  const changes = new ManagementChanges(sql);
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
    probe,
    changes,
    random: Math.random,
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
  opening.use(repeat(() => changes.look(), changesMs, failed(log, 'changes are not looked for')));
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
