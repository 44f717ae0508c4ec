import type { Logger } from '@sluice/shared/log.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch } from './batch.ts';
import type { HeldRun, Stop } from './held-batch.ts';
import { claimBatches, giveBackLeases, leaseMs, renewLeases } from './sql/leases.ts';
import type { Renewed } from './sql/leases.ts';

export interface LeasesDeps {
  readonly sql: Sql;
  /** The id of this runner. */
  readonly runner: string;
  readonly batchesMax: number;
  /** Taken in one claim. */
  readonly batchesAtOnce: number;
  readonly run: (held: HeldRun) => Promise<void>;
  readonly log: Logger;
  readonly now: () => number;
}

interface Held {
  readonly batch: Batch;
  readonly givenUp: AbortController;
  readonly stopping: AbortController;
  stop: Stop | null;
  /** By this process's monotonic clock. */
  validUntil: number;
  running: Promise<void>;
}

/** No line is begun so shortly before the lease ends: another runner may be about to take the batch. */
const marginMs = 1_000;

/** The batches that this runner has. Disposing it gives them back. */
export class Leases implements AsyncDisposable {
  readonly #deps: LeasesDeps;
  readonly #held = new Map<string, Held>();

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  /** Takes batches that nobody has, and begins to run them. */
  async claim(): Promise<void> {
    const { sql, runner, batchesMax, batchesAtOnce } = this.#deps;
    const free = batchesMax - this.#held.size;
    if (free <= 0) return;
    const askedAt = performance.now();
    for (const batch of await claimBatches(sql, runner, Math.min(batchesAtOnce, free), free)) {
      this.#begin(batch, askedAt);
    }
  }

  /** Keeps what it has, learns what was cancelled, and gives up what another runner has taken. */
  async renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const askedAt = performance.now();
    const asked = [...this.#held.values()];
    let renewed: readonly Renewed[];
    try {
      renewed = await renewLeases(
        this.#deps.sql,
        asked.map(({ batch }) => batch),
      );
    } catch (error) {
      for (const held of asked) {
        this.#stopExpired(held, held.batch.expiresAt);
        if (performance.now() >= held.validUntil) this.#giveUp(held, 'its lease has run out');
      }
      throw error;
    }
    const still = new Map(renewed.map((one) => [one.batchId, one]));
    for (const held of asked) {
      const found = still.get(held.batch.batchId);
      if (found === undefined) {
        this.#giveUp(held, 'it is with another runner, or has ended');
        continue;
      }
      held.validUntil = askedAt + leaseMs;
      if (found.status === 'cancelling') this.#stop(held, 'cancelled');
      this.#stopExpired(held, found.expiresAt);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#held.values()];
    for (const held of all) this.#giveUp(held, 'the runner is stopping');
    await Promise.all(all.map(({ running }) => running));
    if (all.length === 0) return;
    await giveBackLeases(
      this.#deps.sql,
      all.map(({ batch }) => batch),
    ).catch((error: unknown) => this.#deps.log.warn({ err: error }, 'leases of batches run out by themselves'));
  }

  #begin(batch: Batch, askedAt: number): void {
    const held: Held = {
      batch,
      givenUp: new AbortController(),
      stopping: new AbortController(),
      stop: null,
      validUntil: askedAt + leaseMs,
      running: Promise.resolve(),
    };
    this.#held.set(batch.batchId, held);
    this.#stopExpired(held, batch.expiresAt);
    held.running = this.#run(held);
  }

  /** One that fails is left to its lease: then it is tried again, here or elsewhere. */
  async #run(held: Held): Promise<void> {
    const { batch, givenUp, stopping } = held;
    const { log, sql, run } = this.#deps;
    try {
      await run({
        batch,
        signal: givenUp.signal,
        stopping: stopping.signal,
        stopOf: () => held.stop,
        isValid: () => performance.now() < held.validUntil - marginMs,
        overtaken: () => this.#giveUp(held, 'it is with another runner'),
      });
      await giveBackLeases(sql, [batch]); // of one that has not ended after all
    } catch (error) {
      if (!givenUp.signal.aborted) log.error({ batchId: batch.batchId, err: error }, 'batch is tried again soon');
    } finally {
      if (this.#held.get(batch.batchId) === held) this.#held.delete(batch.batchId);
    }
  }

  #giveUp(held: Held, why: string): void {
    if (held.givenUp.signal.aborted) return;
    held.givenUp.abort(new Error(`The batch is given up: ${why}.`));
  }

  #stopExpired(held: Held, expiresAt: number): void {
    if (this.#deps.now() >= expiresAt) this.#stop(held, 'expired');
  }

  #stop(held: Held, stop: Stop): void {
    if (held.stop !== null) return;
    held.stop = stop;
    held.stopping.abort(new Error(`The batch is ${stop}.`));
  }
}
