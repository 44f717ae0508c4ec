import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '@sluice/shared/errors.ts';
import { NoSuchFile } from '@sluice/shared/ports/file-store.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Files } from '../files/files.ts';
import type { Announce } from '../webhooks/announce.ts';
import { unfinished } from './batch.ts';
import type { Batch, BatchStatus } from './batch.ts';
import { collectKept } from './collect-kept.ts';
import type { CollectKeptDeps } from './collect-kept.ts';
import { finalize } from './finalize.ts';
import type { HeldRun } from './held-batch.ts';
import { MissingFile } from './missing-file.ts';
import { outcomeOf } from './outcome-of.ts';
import { Pause } from './pause.ts';
import { BatchLines } from './run-lines.ts';
import type { LinesEnd } from './run-lines.ts';
import { beginFinalizing, setPaused } from './sql/end-batch.ts';
import type { EndsEarly } from './sql/end-batch.ts';
import { reloadBatch } from './sql/reload-batch.ts';
import { failWithoutFile, fileLost, validateBatch } from './validate-batch.ts';
import { WakeUp } from './wake-up.ts';

export interface RunBatchDeps extends Omit<CollectKeptDeps, 'files' | 'sql'> {
  readonly sql: SqlPool;
  readonly files: Files;
  readonly announce: Announce;
}

/**
 * Takes a batch from where it is to its end: its file is checked, its lines are run, its output is written.
 *
 * @throws the signal's reason when the batch is given up; what is wrong otherwise: another try may go better
 */
export async function runBatch(held: HeldRun, deps: RunBatchDeps): Promise<void> {
  let batch: Batch | null = held.batch;
  if (batch.status === 'validating') batch = await validated(held, batch, deps);
  let ran: LinesEnd = 'stopped';
  if (batch?.status === 'in_progress') {
    ran = await new BatchLines({ ...held, batch }, deps).run();
    batch = await reloadBatch(deps.sql, batch);
  }
  if (batch === null) return;
  const endsEarly = batch.status === 'cancelling' || (batch.status === 'in_progress' && ran !== 'done');
  if (endsEarly && batch.inProgressAt !== null) await collectKept({ ...held, batch }, deps);
  if (!needsFiles(batch)) return;
  batch = await beginFinalizing(deps.sql, batch, { now: deps.now(), early: earlyEnd(held, ran) });
  if (batch !== null) await finalize(batch, deps, held.signal);
}

function earlyEnd(held: HeldRun, ran: LinesEnd): EndsEarly {
  if (ran === 'file-gone') return { as: 'failed', errors: [fileLost] };
  return ran === 'stopped' && held.stopOf() === 'expired' ? { as: 'expired' } : null;
}

function needsFiles({ status, dryRun }: Batch): boolean {
  const open: readonly BatchStatus[] = unfinished;
  return !dryRun && open.includes(status);
}

/** Checks the batch's file, as soon as its key may be used. @returns null: it is no longer held */
async function validated(held: HeldRun, batch: Batch, deps: RunBatchDeps): Promise<Batch | null> {
  const { signal, stopping } = held;
  const checked = {
    ...deps,
    config: deps.steps.config,
    customerOf: deps.steps.customerOf,
    authenticatedOf: deps.callerOf,
  };
  const missing = new MissingFile(deps);
  const wakeUp = new WakeUp();
  const ending = AbortSignal.any([signal, stopping]);
  ending.addEventListener('abort', wakeUp.wake, { once: true });
  using pause = new Pause(batch.pausedReason, wakeUp.wake, deps);
  let shownReason = batch.pausedReason;
  while (!stopping.aborted) {
    pause.tried();
    try {
      await validateBatch(batch, checked, ending);
      return await reloadBatch(deps.sql, batch);
    } catch (error) {
      signal.throwIfAborted();
      if (stopping.aborted) break;
      if (error instanceof NoSuchFile) {
        if (missing.isGone()) {
          await failWithoutFile(batch, deps, signal);
          return await reloadBatch(deps.sql, batch);
        }
      } else if (!(error instanceof GatewayError)) throw error;
      const outcome = outcomeOf(error, { tries: 0, isReplayed: false });
      deps.log.info({ batchId: batch.batchId, err: error }, 'batch is not checked yet');
      const reason = outcome.type === 'pause' ? outcome.reason : null;
      if (reason !== shownReason) await setPaused(deps.sql, batch, reason);
      shownReason = reason;
      if (reason === null) pause.letIn(deps.now());
      else pause.paused(reason);
      await sleep(reason === null ? deps.probe.firstMs : 0, undefined, { signal: ending }).catch(() => undefined);
      while (pause.restMs > 0 && !ending.aborted) await wakeUp.sleep(pause.restMs);
      signal.throwIfAborted();
    }
  }
  return reloadBatch(deps.sql, batch);
}
