import type { KeptAnswer } from '../contracts/kept-answer.ts';
import type { RequestId } from '../ids.ts';

/**
 * Which request runs for an `Idempotency-Key`, and what became of it. A record has one owner, the request that
 * claimed it, and goes: claimed → queued → finished. A claim is a lease; from `queue` on the record is kept for
 * `keptForMs`, and until the claim's `keptUntil`, whatever happens to its owner, because a provider may have been called.
 *
 * Every step is atomic and can be repeated. Each throws GatewayError dependency_unavailable when the store does not
 * answer in time; then it may have happened all the same.
 */
export interface IdempotencyStore {
  /** Claims a free record, or says who has it. Called again by the owner of a claim, it renews the lease. */
  begin(claim: IdempotencyClaim, fingerprint: string): Promise<Begun>;

  /**
   * The last step before the job is queued.
   * @param deadlineAt epoch ms; nothing is sent upstream for the request after it
   * @returns false: the claim is lost, and the request must not run
   */
  queue(claim: IdempotencyClaim, deadlineAt: number): Promise<boolean>;

  /**
   * Keeps the answer of a queued request; the first one stays. null, or an answer of more than `keptAnswerBytesMax`:
   * the request has run, and its answer cannot be given again. The record's time is only made longer. Ignored unless
   * the claim's request is the owner.
   */
  finish(claim: IdempotencyClaim, answer: KeptAnswer | null): Promise<void>;

  /** Whether the claim's request has finished, and no other has the record. */
  isFinished(claim: IdempotencyClaim): Promise<boolean>;

  /** Frees the record: nothing was billed. Ignored for a finished record, or when another request owns it. */
  forget(claim: IdempotencyClaim): Promise<void>;

  /**
   * Drops a kept answer before its time: whoever asked has it in a safe place. The record stays finished for
   * `discardedForMs`, so that nobody who was slow to ask runs the request again. Ignored for one that is not finished,
   * or that another request owns.
   */
  discard(finished: { readonly scope: string; readonly requestId: string }): Promise<void>;
}

export interface IdempotencyClaim {
  /** Who asked where, and under which key: the record's name. */
  readonly scope: string;
  /** The request that runs, or wants to. */
  readonly requestId: RequestId;
  /** Epoch milliseconds. Who may ask for what became of it, and when at the latest, the one who queues it knows. */
  readonly keptUntil?: number | undefined;
}

export type Begun =
  /** The record is the claim's request's, until its lease ends. */
  | { readonly type: 'claimed' }
  /** `deadlineAt` is null while nothing is queued: then the record may come free again. */
  | { readonly type: 'running'; readonly requestId: string; readonly deadlineAt: number | null }
  | { readonly type: 'finished'; readonly requestId: string; readonly answer: KeptAnswer | null }
  /** The same key came with another fingerprint before. */
  | { readonly type: 'other-body'; readonly requestId: string };

/** Longer than whoever asks can be held up between his last look and his question. */
export const discardedForMs = 60_000;

/** What OpenAI's and Stripe's clients may count on. */
export const keptForMs = 24 * 3600 * 1000;

/** An ingress that dies before it has queued its request blocks a retry for this long. */
export const claimLeaseMs = 10_000;
