import type { RequestId } from '../ids.ts';

/** Keeps request bodies that are too big to travel in the queue (claim check). */
export interface BodyStore {
  /** Durable as the queue is, once resolved. Kept at least until `expiresAt` (epoch ms), removed some time after. */
  put(requestId: RequestId, body: string, expiresAt: number): Promise<string>;
  /** @returns the body of a claim that `put` returned, or null when it is gone. */
  get(claim: string): Promise<string | null>;
  delete(claim: string): Promise<void>;
}

/** Bodies larger than this travel by claim. */
export const inlineBodyBytesMax = 64 * 1024;
