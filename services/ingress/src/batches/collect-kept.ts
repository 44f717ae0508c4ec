import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '@sluice/shared/errors.ts';
import { asOperator } from '../auth/require-usable.ts';
import { toErrorResponse } from '../http/error-response.ts';
import type { CallerOf } from './caller-of.ts';
import type { HeldRun } from './held-batch.ts';
import { LineSource } from './line-source.ts';
import type { LoadedLine } from './line-source.ts';
import { outcomeOf } from './outcome-of.ts';
import { ResultRecorder } from './record-results.ts';
import { resultOf, runLine } from './run-line.ts';
import type { RunLinesDeps } from './run-lines.ts';

export interface CollectKeptDeps extends Omit<RunLinesDeps, 'window'> {
  /** Lines have been begun in the order of the file: of those without a result, no more than so many. */
  readonly begunMax: number;
}

/** Questions at once. */
const linesAtOnce = 100;
/** What runs still may end within this. */
const graceMs = 5_000;
/** While what knows of answers is away. */
const retryMs = 1_000;

const unknownMessage =
  'The request was running when its batch ended, and what became of it is not known. It may have been billed.';

/**
 * Before a batch ends early: lines that somebody began and whose answers are not stored, because their runner died or
 * had no time, get what there is. A line that has not been begun stays without a result.
 *
 * @throws the signal's reason
 */
export async function collectKept(held: HeldRun, deps: CollectKeptDeps): Promise<void> {
  const { batch, signal } = held;
  const source = new LineSource(batch, deps);
  const recorder = new ResultRecorder(batch, signal, { ...deps, onOvertaken: () => held.overtaken() });
  for (let left = deps.begunMax; left > 0 && !source.isOver;) {
    const lines = await source.next(Math.min(left, linesAtOnce));
    await Promise.all(lines.map(collect));
    left -= lines.length; // fewer than were asked for, when they are long
  }

  async function collect(line: LoadedLine): Promise<void> {
    for (;;) {
      const deadlineAt = deps.now() + graceMs;
      const end = await runLine(
        batch,
        line,
        { tries: 0, deadlineAt, signal, isOnlyCollected: true, onQueued: () => {} },
        { ...deps, callerOf },
      );
      if (end.type === 'result') return recorder.add(end.result, end.kept);
      if (end.type === 'pause') return;
      if (end.code === 'deadline_exceeded') return recorder.add(unknownOutcome(line), null);
      if (end.code !== 'dependency_unavailable') return;
      await sleep(retryMs, undefined, { signal });
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

  function unknownOutcome(line: LoadedLine) {
    const error = new GatewayError('answer_not_kept', unknownMessage);
    return resultOf(line, { ...toErrorResponse(error), requestId: null, isReplayed: false, error });
  }
}
