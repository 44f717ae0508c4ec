import type { Socket } from 'node:net';
import { withTimeLimit } from '../time-limit.ts';
import { writeAtEndOfTurn } from './end-of-turn.ts';

/**
 * Settings of a connection for commands that somebody waits for: nothing is queued while it is away, and a command
 * that is not answered fails. It comes back by itself.
 */
export function quickRedisSettings(timeoutMs: number) {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    // A connection that went silent is replaced: waiting for TCP to give up on it takes minutes.
    socketTimeout: 2 * timeoutMs,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
  } as const;
}

/** What opening needs of a client of Redis. */
interface RedisConnection {
  readonly stream: Pick<Socket, 'write' | 'cork' | 'uncork'>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'connect', listener: () => void): unknown;
  connect(): Promise<unknown>;
  disconnect(): void;
}

/** @throws GatewayError dependency_unavailable, naming `what`, when it cannot be opened in time */
export async function connectQuickly(
  redis: RedisConnection,
  { what, timeoutMs, onError }: { what: string; timeoutMs: number; onError: (error: Error) => void },
): Promise<void> {
  redis.on('error', onError);
  redis.on('connect', () => writeAtEndOfTurn(redis.stream));
  try {
    await withTimeLimit(what, timeoutMs, redis.connect());
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}
