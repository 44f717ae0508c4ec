import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '@sluice/shared/errors.ts';
import { claimLeaseMs } from '@sluice/shared/ports/idempotency-store.ts';
import type { IdempotencyStore } from '@sluice/shared/ports/idempotency-store.ts';
import type { JobQueue } from '@sluice/shared/ports/job-queue.ts';
import { NoSuchFile } from '@sluice/shared/ports/file-store.ts';
import type { TokenBus } from '@sluice/shared/ports/token-bus.ts';
import { asOperator } from '../auth/require-usable.ts';
import { toErrorResponse } from '../http/error-response.ts';
import type { CollectedLine } from '../inference/batch-line.ts';
import type { CallerOf } from './caller-of.ts';
import type { HeldRun } from './held-batch.ts';
import { LineSource } from './line-source.ts';
import type { KnownLine, LoadedLine } from './line-source.ts';
import { outcomeOf } from './outcome-of.ts';
import { ResultRecorder } from './record-results.ts';
import { lineScope, resultOf, runLine } from './run-line.ts';
import type { RunLinesDeps } from './run-lines.ts';

export interface CollectKeptDeps extends RunLinesDeps {
  /** Lines have been begun in the order of the file: of those without a result, no more than so many. */
  readonly begunMax: number;
  readonly idempotency: Pick<IdempotencyStore, 'discard' | 'forget'>;
  readonly bus: Pick<TokenBus, 'cancel'>;
  readonly queue: Pick<JobQueue, 'withdraw'>;
}

/** Read at once, and asked for at once. */
const linesAtOnce = 500;
/**
 * For lines whose runner died. One that was claimed and not queued comes free with the claim's lease; one whose worker
 * has died too is delivered to another, who is told that nobody wants it, within 5 s. The rest is for that worker.
 */
const graceMs = claimLeaseMs + 5_000;
/** While what knows of answers is away. */
const retryMs = 1_000;
/** While what has the file is away; then answers are collected without their requests. */
const fileAwayMs = 30_000;

const unknownMessage =
  'The request was running when its batch ended, and what became of it is not known. It may have been billed.';

type Collected = KnownLine & Pick<Partial<LoadedLine>, 'bytes'>;
type Running = Parameters<CollectedLine['onQueued']>[0];

/**
 * Before a batch ends early: lines that somebody began and whose answers are not stored, because their runner died or
 * had no time, get what there is; calls that still run are stopped. A line that has not been begun, or was taken back
 * before a worker had it, stays without a result.
 *
 * @throws the signal's reason
 */
export async function collectKept(held: HeldRun, deps: CollectKeptDeps): Promise<void> {
  const { batch, signal } = held;
  const source = new LineSource(batch, deps);
  const recorder = new ResultRecorder(batch, signal, { ...deps, onOvertaken: () => held.overtaken() });
  const awaySince = deps.now();
  const collecting = new Set<Promise<void>>();
  const failures: unknown[] = [];
  using window = deps.window.join(batch.owner);
  for (let left = deps.begunMax; left > 0 && !source.isOver && failures.length === 0;) {
    const lines = await next(Math.min(left, linesAtOnce));
    for (const line of lines) {
      while (collecting.size > 0 && (collecting.size >= linesAtOnce || window.answerRoom === 0)) {
        await Promise.race(collecting);
      }
      const one = collect(line)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => collecting.delete(one));
      collecting.add(one);
    }
    left -= lines.length; // fewer than were asked for, when they are long
  }
  await Promise.all(collecting);
  if (failures.length > 0) throw failures[0];

  async function next(max: number): Promise<readonly Collected[]> {
    for (;;) {
      try {
        return await source.next(max);
      } catch (error) {
        signal.throwIfAborted();
        const isGone = error instanceof NoSuchFile || deps.now() - awaySince >= fileAwayMs;
        if (isGone) return source.nextWithoutText(max);
        if (!(error instanceof GatewayError)) throw error;
        await sleep(retryMs, undefined, { signal });
      }
    }
  }

  async function collect(line: Collected): Promise<void> {
    const begun = window.begin();
    try {
      for (;;) {
        let running: Running | null = null;
        const onQueued = (found: Running) => {
          running = found;
          void deps.bus.cancel(found.requestId);
        };
        const end = await runLine(
          batch,
          { ...line, bytes: line.bytes ?? null },
          { tries: 0, deadlineAt: deps.now() + graceMs, signal, collected: { onQueued }, onQueued: () => {} },
          { ...deps, callerOf },
        );
        if (end.type === 'result') {
          begun.answered(end.result.result.length);
          return await recorder.add(end.result, end.kept);
        }
        if (end.type === 'pause') return;
        if (end.code === 'deadline_exceeded') {
          return (await isTakenBack(line, running)) ? undefined : await recorder.add(unknownOutcome(line), null);
        }
        if (end.code !== 'dependency_unavailable' && end.code !== 'overloaded') return;
        await sleep(retryMs, undefined, { signal });
      }
    } finally {
      begun.ended();
    }
  }

  /** Whether its job waited still, for a worker that never came. What is reserved for it expires. */
  async function isTakenBack(line: KnownLine, running: Running | null): Promise<boolean> {
    if (running === null || running.queue === null) return false;
    const { requestId, queue } = running;
    try {
      if (!(await deps.queue.withdraw(queue, requestId))) return false;
      await deps.idempotency.forget({ scope: lineScope(batch.batchId, line.line), requestId });
      return true;
    } catch (error) {
      deps.log.warn({ batchId: batch.batchId, line: line.line, err: error }, 'line not taken back');
      return false;
    }
  }

  /** Nothing is run: what the key may do no more, or that it is gone, takes nobody's answer away. */
  async function callerOf(asked: Parameters<CallerOf>[0]): ReturnType<CallerOf> {
    try {
      return await deps.callerOf(asked);
    } catch (error) {
      if (outcomeOf(error, { tries: 0, isReplayed: false }).type === 'pause') return asOperator;
      throw error;
    }
  }

  function unknownOutcome(line: KnownLine) {
    const error = new GatewayError('answer_not_kept', unknownMessage);
    return resultOf(line, { ...toErrorResponse(error), requestId: null, isReplayed: false, billedNanoUsd: 0, error });
  }
}
