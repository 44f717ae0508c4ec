import { Redis } from 'ioredis';
import type { BodyStore } from '../../ports/body-store.ts';
import { withTimeLimit } from '../../time-limit.ts';

const commandTimeLimitMs = 2_000;
/** A body outlives its job's deadline by this much: a job taken over late must still find it. */
const expiryGraceMs = 600_000;

/** Request bodies beside the queue in Redis, on a connection of their own: big ones must not hold up the queue. */
export function openRedisBodyStore(options: {
  url: string;
  onError: (error: Error) => void;
}): BodyStore & AsyncDisposable {
  const redis = new Redis(options.url, { maxRetriesPerRequest: 0, enableOfflineQueue: false, lazyConnect: true });
  redis.on('error', options.onError);
  const ready = redis.connect();
  ready.catch(options.onError);
  const keyOf = (claim: string) => `sluice:body:${claim}`;
  const limited = <T>(call: () => Promise<T>) => withTimeLimit('queue', commandTimeLimitMs, ready.then(call));
  return {
    async put(requestId, body, expiresAt) {
      await limited(() => redis.set(keyOf(requestId), body, 'PXAT', Math.ceil(expiresAt + expiryGraceMs)));
      return requestId;
    },
    get: (claim) => limited(() => redis.get(keyOf(claim))),
    async delete(claim) {
      await limited(() => redis.unlink(keyOf(claim)));
    },
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  };
}
