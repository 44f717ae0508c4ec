import { createHash } from 'node:crypto';
import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { z } from 'zod';
import type { QueuedAnswer } from '../dispatch/dispatch.ts';
import { toErrorResponse } from '../http/error-response.ts';
import { answerWhole } from '../inference/answer-whole.ts';
import type { WholeAnswer } from '../inference/answer-whole.ts';
import { endpoints } from '../inference/endpoints/endpoints.ts';
import type { CollectedLine } from '../inference/batch-line.ts';
import type { InferenceSteps } from '../inference/inference-steps.ts';
import type { Batch } from './batch.ts';
import type { CallerOf } from './caller-of.ts';
import { answeredLine } from './line-result.ts';
import type { KnownLine } from './line-source.ts';
import { outcomeOf } from './outcome-of.ts';
import type { Outcome } from './outcome-of.ts';
import type { LineResult } from './sql/record-lines.ts';

export interface RunLineDeps {
  readonly steps: InferenceSteps;
  readonly callerOf: CallerOf;
  readonly log: Logger;
}

export interface LineRun {
  /** How often it has been put back before. */
  readonly tries: number;
  /** Epoch milliseconds. */
  readonly deadlineAt: number;
  /** Nobody waits for it any more. */
  readonly signal: AbortSignal;
  readonly onQueued: (answer: QueuedAnswer) => void;
  /** Only an answer that there is already, or that a job gives which runs. */
  readonly collected?: CollectedLine;
}

/** What became of one try at a line. */
export type LineEnd =
  | {
      readonly type: 'result';
      readonly result: LineResult;
      readonly kept: KeptRecord | null;
      readonly isReplayed: boolean;
    }
  | Exclude<Outcome, { readonly type: 'result' }>;

/** The record of a line's answer, to be freed once the answer is stored. */
export interface KeptRecord {
  readonly scope: string;
  readonly requestId: RequestId;
}

/**
 * How long after its batch's window what became of a line is still known, should nobody run batches all that time:
 * after that a line whose answer was not stored would be called for again, or be said never to have run.
 */
const keptAfterWindowMs = 7 * 86_400_000;

const LineOfFile = z.object({ body: z.record(z.string(), z.unknown()) });

const nothing: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/**
 * Runs a line as the request that it is, once: whoever runs it again gets the same answer.
 *
 * @param line without `bytes` nothing can be run, and an answer that is kept is all there is
 * @throws the signal's reason; the line's job may run on then, and its answer is kept
 */
export async function runLine(
  batch: Pick<Batch, 'batchId' | 'endpoint' | 'keyFirstHash' | 'expiresAt'>,
  line: KnownLine & { readonly bytes: Buffer | null },
  run: LineRun,
  { steps, callerOf, log }: RunLineDeps,
): Promise<LineEnd> {
  const { tries, signal, deadlineAt, onQueued, collected } = run;
  const scope = lineScope(batch.batchId, line.line);
  const judge = (error: unknown, isReplayed: boolean) => outcomeOf(error, { tries, isReplayed });
  // A refusal that puts the line back is none in the books: there may be thousands of it.
  const recordRefusal: InferenceSteps['recordRefusal'] = (job, error) => {
    if (judge(error, false).type === 'result') steps.recordRefusal(job, error);
  };
  const asRequest = async (): Promise<WholeAnswer> => {
    const endpoint = endpoints.get(batch.endpoint);
    if (endpoint === undefined) throw new Error(`no endpoint ${batch.endpoint}`);
    const { bytes } = line;
    const read = bytes && (async () => ({ ...bodyOf(bytes), authenticated: await callerOf(batch) }));
    const keptUntil = batch.expiresAt + keptAfterWindowMs;
    const origin = { scope, batchId: batch.batchId, customId: line.customId, deadlineAt, keptUntil, collected };
    return answerWhole(endpoint, { read, signal, line: origin, onQueued }, { ...steps, recordRefusal });
  };

  let answer: WholeAnswer;
  try {
    answer = await asRequest();
  } catch (error) {
    signal.throwIfAborted();
    answer = { ...toErrorResponse(error), requestId: null, isReplayed: false, billedNanoUsd: 0, error };
  }
  if ('error' in answer) {
    const outcome = judge(answer.error, answer.isReplayed);
    if (outcome.type !== 'result') return outcome;
    if (answer.status === 500) log.error({ err: answer.error, batchId: batch.batchId, line: line.line }, 'line failed');
  }
  const { requestId, isReplayed } = answer;
  return {
    type: 'result',
    result: resultOf(line, answer),
    kept: requestId === null ? null : { scope, requestId },
    isReplayed,
  };
}

function bodyOf(bytes: Buffer) {
  const { body: value } = LineOfFile.parse(JSON.parse(bytes.toString()));
  return { text: JSON.stringify(value), value };
}

/** What is stored of a line that has an answer. */
export function resultOf({ line, customId }: KnownLine, answer: WholeAnswer): LineResult {
  const usage = 'usage' in answer ? answer.usage : nothing;
  const { status: statusCode, billedNanoUsd: costNanoUsd } = answer;
  return { line, statusCode, result: answeredLine(customId, answer), usage, costNanoUsd };
}

/** The name of the record of a line's answer, the same for whoever runs it. */
export function lineScope(batchId: string, line: number): string {
  return createHash('sha256')
    .update(JSON.stringify(['batch', batchId, line]))
    .digest('hex');
}
