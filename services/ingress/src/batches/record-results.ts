import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { IdempotencyStore } from '@sluice/shared/ports/idempotency-store.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { HeldBatch } from './batch.ts';
import type { KeptRecord } from './run-line.ts';
import { recordLines } from './sql/record-lines.ts';
import type { LineResult } from './sql/record-lines.ts';

export interface ResultRecorderDeps {
  readonly sql: Sql;
  readonly idempotency: Pick<IdempotencyStore, 'discard'>;
  readonly log: Logger;
  /** Called when the batch is found to be with another runner: nothing was stored. */
  readonly onOvertaken: () => void;
}

const flushAfterMs = 200;
const linesMax = 100;
const bytesMax = 1024 * 1024;
/** While the database is away. */
const pauseMs = 500;

interface Waiting {
  readonly result: LineResult;
  readonly kept: KeptRecord | null;
  readonly stored: PromiseWithResolvers<void>;
}

/**
 * Stores the results of a batch's lines, many at a time, and then frees the records of their answers. One statement at
 * a time: what comes meanwhile goes with the next.
 */
export class ResultRecorder {
  readonly #batch: HeldBatch;
  readonly #signal: AbortSignal;
  readonly #deps: ResultRecorderDeps;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStoring = false;

  /** @param signal the batch is given up: what is not stored yet never is */
  constructor(batch: HeldBatch, signal: AbortSignal, deps: ResultRecorderDeps) {
    this.#batch = batch;
    this.#signal = signal;
    this.#deps = deps;
  }

  /** Resolves when the result is stored. @throws the signal's reason */
  add(result: LineResult, kept: KeptRecord | null): Promise<void> {
    const stored = Promise.withResolvers<void>();
    this.#waiting.push({ result, kept, stored });
    this.#waitingBytes += result.result.length;
    if (this.#waiting.length >= linesMax || this.#waitingBytes >= bytesMax) this.#store();
    else this.#timer ??= setTimeout(() => this.#store(), flushAfterMs);
    return stored.promise;
  }

  #store(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isStoring) void this.#storeAll();
  }

  async #storeAll(): Promise<void> {
    this.#isStoring = true;
    while (this.#waiting.length > 0) {
      const chunk = this.#next();
      try {
        await this.#storeChunk(chunk.map(({ result }) => result));
        for (const { stored } of chunk) stored.resolve();
        void this.#free(chunk.flatMap(({ kept }) => kept ?? []));
      } catch (error) {
        for (const { stored } of chunk) stored.reject(error);
      }
    }
    this.#isStoring = false;
  }

  /** What one statement stores: at least one result, and no more than the bounds once there is one. */
  #next(): readonly Waiting[] {
    let bytes = 0;
    const beyond = this.#waiting.findIndex(({ result }, nth) => {
      bytes += result.result.length;
      return nth > 0 && bytes > bytesMax;
    });
    const chunk = this.#waiting.splice(0, beyond === -1 ? linesMax : Math.min(beyond, linesMax));
    this.#waitingBytes -= chunk.reduce((sum, { result }) => sum + result.result.length, 0);
    return chunk;
  }

  async #storeChunk(results: readonly LineResult[]): Promise<void> {
    const { sql, log, onOvertaken } = this.#deps;
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        if (await recordLines(sql, this.#batch, results)) return;
        onOvertaken();
        this.#signal.throwIfAborted();
        throw new Error('The batch is no longer held.');
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        log.warn({ batchId: this.#batch.batchId, err: error }, 'results of a batch are not stored yet');
        await sleep(pauseMs, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }

  /** What is not freed expires. */
  async #free(records: readonly KeptRecord[]): Promise<void> {
    const { idempotency, log } = this.#deps;
    const freed = await Promise.allSettled(records.map((record) => idempotency.discard(record)));
    const failed = freed.find((one) => one.status === 'rejected');
    if (failed) log.debug({ batchId: this.#batch.batchId, err: failed.reason }, 'kept answers of a batch expire');
  }
}
