import type { UsageEvent } from '../contracts/usage-event.ts';

/** The writing end of the log between those who use and those who book. */
export interface UsageLog extends AsyncDisposable {
  /**
   * Resolves when the event is stored and will reach the ledger; until then nobody may forget it.
   * Appending the same callId twice is harmless.
   * @throws when it is not stored within the time limit
   */
  append(event: UsageEvent): Promise<void>;
  ping(): Promise<void>;
}

/** The ledger's end. */
export interface UsageSource extends AsyncDisposable {
  /**
   * Calls `book` with batches, one at a time; a batch is forgotten only when `book` has resolved, and comes again
   * when it rejects (after a pause) or the process dies.
   */
  consume(
    options: { batchSize: number; maxWaitMs: number },
    book: (events: readonly UsageEvent[]) => Promise<void>,
  ): Promise<AsyncDisposable>;
  /** Events stored and not yet booked. */
  backlog(): Promise<number>;
  /** Events that this process was given and no codec understands; they stay in the log. */
  undecodable(): number;
  ping(): Promise<void>;
}
