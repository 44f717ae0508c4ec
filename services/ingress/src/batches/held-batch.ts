import type { Batch } from './batch.ts';

/** Why no more lines of a batch are begun. */
export type Stop = 'cancelled' | 'expired';

/** A batch that this runner has, and what tells of its end. */
export interface HeldRun {
  readonly batch: Batch;
  /** Aborts when the batch is another's, or goes to another: nothing of it is to be written any more. */
  readonly signal: AbortSignal;
  /** Aborts when its lines are to end early. */
  readonly stopping: AbortSignal;
  /** What `stopping` is for. */
  stopOf(): Stop | null;
  /** The lease is known to hold: lines may be begun. */
  isValid(): boolean;
  /** A write has shown that the batch is another's. */
  overtaken(): void;
}
