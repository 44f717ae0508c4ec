import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '@sluice/shared/errors.ts';
import { NoSuchFile } from '@sluice/shared/ports/file-store.ts';
import type { Files } from '../files/files.ts';
import type { QueuedAnswer } from '../dispatch/dispatch.ts';
import type { BatchMetrics } from './batch-metrics.ts';
import type { HeldRun } from './held-batch.ts';
import { LineSource } from './line-source.ts';
import type { LoadedLine } from './line-source.ts';
import { MissingFile } from './missing-file.ts';
import { Pause } from './pause.ts';
import type { PauseDeps } from './pause.ts';
import { ResultRecorder } from './record-results.ts';
import type { ResultRecorderDeps } from './record-results.ts';
import { runLine } from './run-line.ts';
import type { LineEnd, RunLineDeps } from './run-line.ts';
import { setPaused } from './sql/end-batch.ts';
import { WakeUp } from './wake-up.ts';
import type { BatchWindow, Window } from './window.ts';

export interface RunLinesDeps extends RunLineDeps, PauseDeps, Omit<ResultRecorderDeps, 'onOvertaken'> {
  readonly files: Pick<Files, 'read'>;
  readonly window: Window;
  readonly metrics: BatchMetrics;
  readonly lineTimeoutMs: number;
  /** How long the store says that a file is not there before that is believed. */
  readonly goneAfterMs: number;
}

/**
 * Why no more lines are run: all have a result, the batch is to end early, or the store has lost the file that the rest
 * would be read from.
 */
export type LinesEnd = 'done' | 'stopped' | 'file-gone';

/** A line that is to be run, once more or for the first time. */
interface Waiting {
  readonly line: LoadedLine;
  readonly tries: number;
  readonly notBefore: number;
}

interface OnItsWay {
  readonly waiting: Waiting;
  readonly abort: AbortController;
  /** Once it is in the queue. */
  queued: QueuedAnswer | null;
}

/** Lines that are asked of the database at once. */
const loadedLines = 256;
/** While the database or the file store is away. */
const retryMs = 500;
/** What runs when the batch is stopped may end within this, and after it is stopped too, once more. */
const graceMs = 5_000;
/** Of a loop that only waits for lines. */
const longestSleepMs = 1_000;

/** Runs the lines of a batch until all have a result, or the batch is stopped or given up. */
export class BatchLines {
  readonly #held: HeldRun;
  readonly #deps: RunLinesDeps;
  readonly #source: LineSource;
  readonly #recorder: ResultRecorder;
  readonly #missing: MissingFile;
  readonly #wakeUp = new WakeUp();
  readonly #fresh: Waiting[] = [];
  readonly #putBack: Waiting[] = [];
  readonly #onWay = new Map<number, OnItsWay>();
  #isFileGone = false;
  readonly #pause: Pause;
  /** What the batch says of it. */
  #shownReason: string | null;

  constructor(held: HeldRun, deps: RunLinesDeps) {
    this.#held = held;
    this.#deps = deps;
    this.#source = new LineSource(held.batch, deps);
    this.#missing = new MissingFile(deps);
    this.#recorder = new ResultRecorder(held.batch, held.signal, { ...deps, onOvertaken: () => held.overtaken() });
    const { pausedReason } = held.batch;
    this.#shownReason = pausedReason;
    this.#pause = new Pause(pausedReason, this.#wakeUp.wake, deps);
  }

  /**
   * @returns when nothing is on its way any more
   * @throws the signal's reason, when the batch is given up
   */
  async run(): Promise<LinesEnd> {
    const { signal, stopping } = this.#held;
    for (const ending of [signal, stopping]) ending.addEventListener('abort', this.#wakeUp.wake, { once: true });
    using window = this.#deps.window.join(this.#held.batch.owner);
    using _pause = this.#pause;
    try {
      while (!stopping.aborted && !this.#isDone()) {
        await this.#fill(window);
        this.#begin(window);
        await this.#showPaused();
        signal.throwIfAborted();
        if (this.#isDone()) return this.#isFileGone ? 'file-gone' : 'done';
        await this.#wakeUp.sleep(this.#sleepMs(window));
        signal.throwIfAborted();
      }
      if (this.#isDone()) return this.#isFileGone ? 'file-gone' : 'done';
      await this.#windDown();
      return 'stopped';
    } finally {
      for (const { abort } of this.#onWay.values()) abort.abort(new Error('the batch is left'));
      while (this.#onWay.size > 0) await this.#wakeUp.sleep(longestSleepMs);
      for (const { line } of [...this.#fresh, ...this.#putBack]) this.#deps.window.release(line.bytes.length);
    }
  }

  #isDone(): boolean {
    return this.#hasNoMore() && this.#fresh.length + this.#putBack.length + this.#onWay.size === 0;
  }

  /** What is here is all that can be run. */
  #hasNoMore(): boolean {
    return this.#source.isOver || this.#isFileGone;
  }

  #room(window: BatchWindow): number {
    if (!this.#held.isValid()) return 0;
    if (this.#pause.reason === null) return window.room;
    return this.#onWay.size === 0 && this.#pause.restMs === 0 ? 1 : 0;
  }

  /** Reads more lines when those that are here do not fill the room. */
  async #fill(window: BatchWindow): Promise<void> {
    while (!this.#hasNoMore() && this.#fresh.length < this.#room(window) && !this.#isFull(window)) {
      const hasNone = this.#fresh.length + this.#putBack.length + this.#onWay.size === 0;
      if (!hasNone && !this.#deps.window.hasRoom()) return;
      try {
        for (const line of await this.#source.next(loadedLines)) {
          this.#deps.window.hold(line.bytes.length);
          this.#fresh.push({ line, tries: 0, notBefore: 0 });
        }
        this.#missing.found();
      } catch (error) {
        if (!(error instanceof GatewayError || error instanceof NoSuchFile)) throw error;
        this.#isFileGone = error instanceof NoSuchFile && this.#missing.isGone();
        this.#deps.log.warn({ batchId: this.#held.batch.batchId, err: error }, 'lines of a batch are not read yet');
        await sleep(retryMs, undefined, { signal: this.#held.signal }).catch(() => undefined);
        return;
      }
    }
  }

  /** So many lines have been put back that no new one is tried. */
  #isFull(window: BatchWindow): boolean {
    return this.#putBack.length >= window.share;
  }

  #begin(window: BatchWindow): void {
    const now = this.#deps.now();
    for (let room = this.#room(window); room > 0; room -= 1) {
      const due = this.#putBack.findIndex(({ notBefore }) => notBefore <= now);
      const next =
        due !== -1 ? this.#putBack.splice(due, 1)[0] : this.#isFull(window) ? undefined : this.#fresh.shift();
      if (next === undefined) return;
      this.#pause.tried();
      const one: OnItsWay = { waiting: next, abort: new AbortController(), queued: null };
      this.#onWay.set(next.line.line, one);
      void this.#try(one, window).finally(() => {
        this.#onWay.delete(next.line.line);
        this.#wakeUp.wake();
      });
    }
  }

  async #try(one: OnItsWay, window: BatchWindow): Promise<void> {
    const begun = window.begin();
    let isSuccess = false;
    let restMs: number | null = null;
    try {
      const end = await this.#runOnce(one);
      if (end.type === 'result') {
        begun.answered(end.result.result.length);
        await this.#recorder.add(end.result, end.kept);
        this.#deps.metrics.line(end.result.statusCode === 200 ? 'completed' : 'failed');
        this.#deps.window.release(one.waiting.line.bytes.length);
        isSuccess = true;
        if (!end.isReplayed) this.#pause.letIn(begun.begunAt);
        return;
      }
      if (end.type === 'again') restMs = end.batchRestsMs;
      else this.#pause.paused(end.reason);
      this.#deps.metrics.line(end.type === 'again' ? 'put_back' : 'paused');
      this.#putAgain(one.waiting, end);
    } catch (error) {
      this.#putAgain(one.waiting, null);
      if (one.abort.signal.aborted || this.#held.signal.aborted) return;
      this.#deps.log.error({ batchId: this.#held.batch.batchId, err: error }, 'a line of a batch is tried again');
    } finally {
      if (restMs === null) begun.ended(isSuccess);
      else begun.refused(restMs);
    }
  }

  #runOnce(one: OnItsWay) {
    const { now, lineTimeoutMs } = this.#deps;
    const { batch } = this.#held;
    const run = {
      tries: one.waiting.tries,
      deadlineAt: Math.min(batch.expiresAt, now() + lineTimeoutMs),
      signal: one.abort.signal,
      onQueued: (answer: QueuedAnswer) => void (one.queued = answer),
    };
    return runLine(batch, one.waiting.line, run, this.#deps);
  }

  #putAgain(waiting: Waiting, end: Exclude<LineEnd, { type: 'result' }> | null): void {
    const afterMs = end === null ? retryMs : end.type === 'again' ? end.afterMs : 0;
    const tries = waiting.tries + (end?.type === 'pause' ? 0 : 1);
    this.#putBack.push({ line: waiting.line, tries, notBefore: this.#deps.now() + afterMs });
  }

  async #showPaused(): Promise<void> {
    const { reason } = this.#pause;
    if (reason === this.#shownReason) return;
    const { sql, log } = this.#deps;
    const { batch } = this.#held;
    try {
      await setPaused(sql, batch, reason);
      this.#shownReason = reason;
      log.info({ batchId: batch.batchId, reason }, reason === null ? 'batch goes on' : 'batch is paused');
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error; // else it is tried again soon
    }
  }

  /** Until the next thing that is due by itself. */
  #sleepMs(window: BatchWindow): number {
    const now = this.#deps.now();
    const due = this.#putBack.map(({ notBefore }) => notBefore - now);
    const ms = [...due, window.restMs, this.#pause.restMs].filter((one) => one > 0);
    return Math.min(longestSleepMs, ...ms);
  }

  /** Takes back what waits in the queue; what runs may end, and is then stopped. */
  async #windDown(): Promise<void> {
    for (const { queued, abort } of this.#onWay.values()) {
      if (queued === null) abort.abort(new Error('the batch is stopped'));
      else void queued.withdraw().catch(() => queued.cancel());
    }
    await this.#untilNoneIsOnItsWay(graceMs);
    for (const { queued } of this.#onWay.values()) void queued?.cancel();
    await this.#untilNoneIsOnItsWay(graceMs);
  }

  async #untilNoneIsOnItsWay(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (this.#onWay.size > 0 && performance.now() < until && !this.#held.signal.aborted) {
      await this.#wakeUp.sleep(Math.max(1, until - performance.now()));
    }
    this.#held.signal.throwIfAborted();
  }
}
