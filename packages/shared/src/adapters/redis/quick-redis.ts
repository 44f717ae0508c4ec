import { Redis } from 'ioredis';
import { withTimeLimit } from '../../time-limit.ts';
import { writeAtEndOfTurn } from '../end-of-turn.ts';

/**
 * A connection for commands that somebody waits for: nothing is queued while it is away, and a command that is not
 * answered fails. It comes back by itself.
 *
 * @param from a URL, or a connection whose settings are lent
 * @throws GatewayError dependency_unavailable when it cannot be opened
 */
export async function openQuickRedis(
  from: { readonly url: string } | { readonly redis: Redis },
  { what, timeoutMs, onError }: { what: string; timeoutMs: number; onError: (error: Error) => void },
): Promise<Redis> {
  const settings = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    // A connection that went silent is replaced: waiting for TCP to give up on it takes minutes.
    socketTimeout: 2 * timeoutMs,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
  };
  const redis = 'url' in from ? new Redis(from.url, settings) : from.redis.duplicate(settings);
  redis.on('error', onError);
  redis.on('connect', () => writeAtEndOfTurn(redis.stream));
  try {
    await withTimeLimit(what, timeoutMs, redis.connect());
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return redis;
}
