import { Redis } from 'ioredis';
import { connectQuickly, quickRedisSettings } from '../quick-redis.ts';

/**
 * A connection that several adapters share: their commands of one turn go out in one write, and come back in one read.
 *
 * @throws GatewayError dependency_unavailable when it cannot be opened in time
 */
export async function openQuickRedis(options: {
  readonly url: string;
  readonly timeoutMs?: number;
  /** Lost connections; it comes back by itself. */
  readonly onError: (error: Error) => void;
}): Promise<Redis & AsyncDisposable> {
  const { url, timeoutMs = 900, onError } = options;
  const redis = new Redis(url, quickRedisSettings(timeoutMs));
  await connectQuickly(redis, { what: 'queue', timeoutMs, onError });
  return Object.assign(redis, { [Symbol.asyncDispose]: async () => redis.disconnect() });
}
