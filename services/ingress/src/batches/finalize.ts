import type { Logger } from '@sluice/shared/log.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Files } from '../files/files.ts';
import type { Announce } from '../webhooks/announce.ts';
import type { Batch, BatchError } from './batch.ts';
import { neverRanLine } from './line-result.ts';
import type { NeverRanCode } from './line-result.ts';
import { endBatch, endedLines, setResultFile } from './sql/end-batch.ts';
import type { Ending } from './sql/end-batch.ts';

export interface FinalizeDeps {
  readonly sql: SqlPool;
  readonly files: Pick<Files, 'create' | 'show'>;
  readonly announce: Announce;
  readonly log: Logger;
  readonly now: () => number;
}

/** Rows that are read at a time. */
const pageLines = 100;

const resultFiles = {
  output: { column: 'output_file_id', isOutput: true },
  error: { column: 'error_file_id', isOutput: false },
} as const;

/** What a file has of a batch's lines. */
interface Counts {
  /** With a result. */
  ended: number;
  neverRan: number;
}

/**
 * Writes a batch's output and error file, and ends it. A file without lines is not written.
 *
 * @param batch as it is since no more lines are run
 * @returns false: it is no longer held
 * @throws what the database or the file store throw, or the signal's reason; begun anew it goes on
 */
export async function finalize(batch: Batch, deps: FinalizeDeps, signal: AbortSignal): Promise<boolean> {
  const { sql, files, announce, log, now } = deps;
  // Before its file was found good, nothing is known of its lines.
  if (batch.inProgressAt === null) return end({ neverRan: 0, errors: [], now: now() });
  const output = await write('output', batch.outputFileId);
  const error = await write('error', batch.errorFileId);
  if (output === null || error === null) return false;
  const errors = wrongCounts(batch, output, error);
  if (errors.length > 0) log.error({ batchId: batch.batchId, errors }, 'the lines of a batch do not add up');
  return end({ neverRan: error.neverRan, errors, now: now() });

  /** Who is to be told of it is written with it. */
  async function end(ending: Ending): Promise<boolean> {
    return sql.transaction(async (tx) => {
      const status = await endBatch(tx, batch, ending);
      if (status !== null) await announce(tx, batch, `batch.${status}`, ending.now);
      return status !== null;
    });
  }

  /** @returns null: the batch is no longer held */
  async function write(kind: keyof typeof resultFiles, standing: string | null): Promise<Counts | null> {
    const { column, isOutput } = resultFiles[kind];
    const counts: Counts = { ended: 0, neverRan: 0 };
    const bytes = linesOf(batch, { sql, isOutput, counts, signal });
    const first = await bytes.next();
    if (first.done === true) return counts;
    if (standing !== null) {
      for await (const _ of bytes); // it stands already, and is only counted
      return counts;
    }
    // Seen with the batch that names it: of a runner that dies before that, its owner finds no second file.
    const { fileId } = await files.create(
      batch.owner,
      continued(first.value, bytes),
      () => descriptionOf(batch, kind),
      { signal, isUnseen: true },
    );
    const isHeld = await sql.transaction(async (tx) => {
      if (!(await setResultFile(tx, batch, { column, fileId }))) return false;
      await files.show(tx, fileId);
      return true;
    });
    return isHeld ? counts : null;
  }
}

function descriptionOf({ batchId, outputExpiresAfterSeconds }: Batch, kind: keyof typeof resultFiles) {
  return {
    filename: `${batchId}_${kind}.jsonl`,
    purpose: 'batch_output',
    expiresAfterSeconds: outputExpiresAfterSeconds,
  };
}

async function* linesOf(
  batch: Batch,
  from: { readonly sql: SqlPool; readonly isOutput: boolean; readonly counts: Counts; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const { sql, isOutput, counts, signal } = from;
  const { batchId } = batch;
  const code = neverRanCode(batch);
  for (let after = 0; ;) {
    signal.throwIfAborted();
    const page = await endedLines(sql, batchId, { after, limit: pageLines, isOutput });
    const last = page.at(-1);
    if (last === undefined) return;
    for (const { result } of page) counts[result === null ? 'neverRan' : 'ended'] += 1;
    const lines = page.map(({ customId, result }) => result ?? neverRanLine(customId, code));
    after = last.line;
    yield Buffer.from(`${lines.join('\n')}\n`);
  }
}

function neverRanCode({ status, failedAt }: Batch): NeverRanCode {
  if (status === 'cancelling') return 'batch_cancelled';
  return failedAt === null ? 'batch_expired' : 'batch_failed';
}

async function* continued<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void> {
  yield first;
  yield* rest;
}

/** What has been counted while lines ended has to be what the files have. */
function wrongCounts(batch: Batch, output: Counts, error: Counts): readonly BatchError[] {
  const written = output.ended + error.ended + error.neverRan;
  const isRight =
    output.ended === batch.completedLines && error.ended === batch.failedLines && written === batch.totalLines;
  const mayLack = batch.status === 'cancelling' || batch.expiredAt !== null || batch.failedAt !== null;
  if (isRight && (error.neverRan === 0 || mayLack)) return [];
  const message =
    `Of ${batch.totalLines} requests, ${output.ended} are in the output file and ${error.ended + error.neverRan} in ` +
    `the error file, ${error.neverRan} of which never ran; ${batch.completedLines} were counted as completed and ` +
    `${batch.failedLines} as failed.`;
  return [{ code: 'lines_do_not_add_up', line: null, message, param: null }];
}
