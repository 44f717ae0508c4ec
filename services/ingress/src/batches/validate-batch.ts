import { setImmediate } from 'node:timers/promises';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import type { Files } from '../files/files.ts';
import type { InferenceSteps } from '../inference/inference-steps.ts';
import type { Announce } from '../webhooks/announce.ts';
import type { Batch, BatchError, NewBatchLine } from './batch.ts';
import { createChecked } from './checked-lines.ts';
import { createEstimate } from './estimate.ts';
import { fileLines } from './file-lines.ts';
import { deleteBatchLines, insertBatchLines } from './sql/batch-lines.ts';
import { findBatchPace } from './sql/batch-pace.ts';
import type { BatchPace } from './sql/batch-pace.ts';
import { endValidation } from './sql/end-validation.ts';
import type { Validated } from './sql/end-validation.ts';

export interface ValidateDeps extends Pick<InferenceSteps, 'config' | 'customerOf' | 'now'> {
  readonly sql: SqlPool;
  readonly announce: Announce;
  readonly files: Pick<Files, 'find' | 'read'>;
  /** Whose requests the lines are. @throws GatewayError as for a request of theirs */
  readonly authenticatedOf: (batch: Batch) => Promise<Authenticated>;
}

/** Rows that one statement adds or removes. */
const chunkLines = 1_000;

/** How long this process does nothing else. */
const turnMs = 10;

/** How far back batches tell what a dry run can expect. */
const paceMs = 7 * 86_400_000;

/**
 * Checks a batch's file while it is read, and stores where its lines lie: then the batch is `in_progress`. When a line
 * is bad it is `failed`, and none of its lines is stored. A dry run gets its estimate, and no lines.
 *
 * Safe to begin anew after an interruption: what an earlier attempt has stored is removed first.
 *
 * @param batch as it was claimed: every write names its epoch
 * @param signal aborts when the lease is lost or the batch cancelled
 * @returns false: it was overtaken or cancelled meanwhile, and nothing has been ended
 * @throws the signal's reason, leaving lines behind; what `authenticatedOf` and the file store throw, NoSuchFile too
 */
export async function validateBatch(batch: Batch, deps: ValidateDeps, signal: AbortSignal): Promise<boolean> {
  await removeLines(batch, deps, signal);
  const validated = await check(batch, deps, signal);
  if (validated === null) return false;
  return end(batch, validated, deps, signal);
}

/** Ends the check of a batch whose file the store has lost. @returns as `validateBatch` */
export async function failWithoutFile(batch: Batch, deps: EndDeps, signal: AbortSignal): Promise<boolean> {
  return end(batch, badFile(fileLost.code, fileLost.message), deps, signal);
}

type EndDeps = Pick<ValidateDeps, 'sql' | 'announce' | 'now'>;

async function end(batch: Batch, validated: Validated, deps: EndDeps, signal: AbortSignal): Promise<boolean> {
  if (validated.type === 'bad') await removeLines(batch, deps, signal);
  const now = deps.now();
  return deps.sql.transaction(async (tx) => {
    const isEnded = await endValidation(tx, batch, validated, now);
    if (isEnded && validated.type === 'bad') await deps.announce(tx, batch, 'batch.failed', now);
    return isEnded;
  });
}

async function removeLines(batch: Batch, { sql }: Pick<EndDeps, 'sql'>, signal: AbortSignal): Promise<void> {
  do signal.throwIfAborted();
  while ((await deleteBatchLines(sql, batch, chunkLines)) === chunkLines);
}

/** @returns null: the batch is held no longer */
async function check(batch: Batch, deps: ValidateDeps, signal: AbortSignal): Promise<Validated | null> {
  const { config, sql, files } = deps;
  const { maxLines } = config.sluice.batch;
  const file = await files.find(batch.owner, batch.inputFileId);
  if (file === null) return badFile('input_file_not_found', 'The input file is gone: it was deleted, or has expired.');

  const lines = createChecked(batch, await deps.authenticatedOf(batch), deps);
  const estimate = createEstimate(config, deps.now());
  let pending: NewBatchLine[] = [];
  let turnEndsAt = performance.now() + turnMs;
  for await (const line of fileLines(files.read(batch.inputFileId), config.sluice.maxRequestBytes)) {
    if (performance.now() >= turnEndsAt) {
      await setImmediate();
      turnEndsAt = performance.now() + turnMs;
    }
    signal.throwIfAborted();
    if (lines.total() >= maxLines) {
      return lines.bad([fileError('too_many_lines', `The file has more than ${maxLines} lines.`)]);
    }
    const good = await lines.check(line);
    if (good === null || lines.areBad()) continue;
    if (batch.dryRun) {
      estimate.add(good.ask);
      continue;
    }
    pending.push({ ...line, customId: good.customId });
    if (pending.length < chunkLines) continue;
    if (!(await insertBatchLines(sql, batch, pending))) return null;
    pending = [];
  }
  signal.throwIfAborted();

  if (lines.total() === 0) return badFile('empty_file', 'The file has no lines.');
  if (lines.areBad()) return lines.bad();
  const told = { model: lines.model(), totalLines: lines.total() };
  if (batch.dryRun) {
    return { type: 'estimated', ...told, estimate: estimate.result(await paceOf(batch, told.model, deps)) };
  }
  const isHeld = pending.length === 0 || (await insertBatchLines(sql, batch, pending));
  return isHeld ? { type: 'good', ...told } : null;
}

async function paceOf(batch: Batch, model: string | null, { sql, now }: ValidateDeps): Promise<BatchPace> {
  if (model === null) return { linesPerSecond: null, outputTokensPerLine: null };
  const { owner, endpoint } = batch;
  return findBatchPace(sql, { owner, endpoint, model }, { since: now() - paceMs, now: now() });
}

/** The file is one that the owner still has, and its bytes are nowhere. */
export const fileLost: BatchError = fileError(
  'input_file_not_found',
  'The input file can no longer be read: the file store has lost it, or a part of it. Send it again, as a new batch.',
);

function badFile(code: string, message: string): Validated {
  return { type: 'bad', model: null, totalLines: 0, failedLines: 0, errors: [fileError(code, message)] };
}

function fileError(code: string, message: string): BatchError {
  return { code, line: null, message, param: null };
}
