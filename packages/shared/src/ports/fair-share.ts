import type { Turn } from '../contracts/turn.ts';
import type { RequestId } from '../ids.ts';

/**
 * Gives each waiting job its place, so that flows (teams) share a queue by tokens, in proportion to their weights:
 * start-time fair queueing (Goyal, Vin, Cheng, 1996) over weighted tokens (VTC; Sheng et al., OSDI 2024). A flow
 * with a deep backlog cannot delay one with none, and a flow that comes back starts at the present.
 *
 * All of it is about order, and nothing here loses a job: one that was never placed comes last. Queues know nothing of
 * each other; each lane of an alias has its own.
 */
export interface FairShare extends AsyncDisposable {
  /**
   * Places a job that is in the queue, and charges its flow what the job is expected to use. Atomic; the same job
   * twice is placed once. A job that a worker has already is charged all the same; one that is gone is not.
   * @throws GatewayError dependency_unavailable
   */
  place(request: PlaceRequest): Promise<Outlook>;

  /** What `place` would say of such a job, before there is one. Changes nothing. */
  outlook(request: PlaceRequest): Promise<Outlook>;

  /** Replaces what a job was charged by what it used; what its flow still has waiting moves by the difference. */
  correct(correction: Correction): Promise<void>;

  /** For metrics: what waits in a queue. */
  line(queue: string, now: number): Promise<Line>;
}

export interface PlaceRequest {
  readonly queue: string;
  readonly requestId: RequestId;
  readonly turn: Turn;
  readonly inputTokens: number;
  /** The most that it may write; the flow's average counts where that is less. */
  readonly outputTokensCap: number;
  /** Epoch ms. */
  readonly now: number;
  /** Epoch ms; the charge is forgotten after it. */
  readonly expiresAt: number;
}

/** How things stand for one job. */
export interface Outlook {
  /** Jobs that go before it, as of now. */
  readonly ahead: number;
  /** All that wait in the queue. */
  readonly waiting: number;
  /** How many jobs the queue ends per second while there is a line; null: not known. */
  readonly perSecond: number | null;
}

export interface Correction {
  readonly queue: string;
  readonly requestId: RequestId;
  readonly turn: Turn;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /**
   * `answered`: a model wrote it, so averages learn of it. `ended`: a worker ended it without an answer.
   * `withdrawn`: no worker ever had it.
   */
  readonly outcome: 'answered' | 'ended' | 'withdrawn';
  readonly now: number;
}

export interface Line {
  readonly waiting: number;
  /** How long the oldest has waited; 0 when none waits. */
  readonly oldestAgeMs: number;
  readonly perSecond: number | null;
}

/** When a job's turn is expected to come; null: nobody knows. */
export function expectedWaitMs({ ahead, perSecond }: Pick<Outlook, 'ahead' | 'perSecond'>): number | null {
  if (ahead === 0) return 0;
  return perSecond === null ? null : (ahead / perSecond) * 1_000;
}

/** What a job takes of its flow's share: an output token costs a provider about two input tokens (VTC). */
export const outputTokenWeight = 2;
