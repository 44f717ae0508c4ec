import { Redis } from 'ioredis';
import type { Result } from 'ioredis';
import { claimLeaseMs, discardedForMs, keptForMs } from '../../ports/idempotency-store.ts';
import type { Begun, IdempotencyStore } from '../../ports/idempotency-store.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { connectQuickly, quickRedisSettings } from '../quick-redis.ts';
import { decodeKeptAnswer, encodeKeptAnswer } from '../kept-answer-bytes.ts';
import { beginScript, discardScript, finishScript, forgetScript, queueScript } from './redis-idempotency-scripts.ts';

export interface RedisIdempotencyOptions {
  readonly url: string;
  /** Lost connections; the adapter comes back by itself. */
  readonly onError?: (error: Error) => void;
  readonly keptForMs?: number;
  readonly claimLeaseMs?: number;
  /** Of every step but `finish`. */
  readonly timeoutMs?: number;
}

/** For an answer on its way to the store: it may have megabytes, and nobody waits for it. */
const answerTimeoutMs = 2_000;
const dependency = 'idempotency store';

/**
 * Idempotency records in Redis, one key each, on a connection of their own: big answers must not hold up admission.
 * The server has to keep what it has acknowledged and must not evict, as for admission.
 *
 * @throws GatewayError dependency_unavailable when the first connection fails
 */
export async function openRedisIdempotencyStore(
  options: RedisIdempotencyOptions,
): Promise<IdempotencyStore & AsyncDisposable> {
  const { url, onError = () => {}, timeoutMs = 900 } = options;
  const lifetimeMs = options.keptForMs ?? keptForMs;
  const leaseMs = options.claimLeaseMs ?? claimLeaseMs;
  // An answer may take longer than a step.
  const redis = new Redis(url, { ...quickRedisSettings(timeoutMs), socketTimeout: 2 * answerTimeoutMs });
  redis.defineCommand('idempotencyBegin', { lua: beginScript, numberOfKeys: 1 });
  redis.defineCommand('idempotencyQueue', { lua: queueScript, numberOfKeys: 1 });
  redis.defineCommand('idempotencyFinish', { lua: finishScript, numberOfKeys: 1 });
  redis.defineCommand('idempotencyForget', { lua: forgetScript, numberOfKeys: 1 });
  redis.defineCommand('idempotencyDiscard', { lua: discardScript, numberOfKeys: 1 });
  await connectQuickly(redis, { what: dependency, timeoutMs, onError });

  const keyOf = (scope: string) => `sluice:idempotency:${scope}`;
  const limited = <T>(ms: number, call: Promise<T>) => withTimeLimit(dependency, ms, call);
  return {
    async begin({ scope, requestId }, fingerprint) {
      const call = redis.idempotencyBeginBuffer(keyOf(scope), fingerprint, requestId, leaseMs);
      return begunOf(await limited(timeoutMs, call));
    },
    async queue({ scope, requestId, keptUntil = 0 }, deadlineAt) {
      const keptMs = Math.ceil(Math.max(lifetimeMs, keptUntil - Date.now()));
      const call = redis.idempotencyQueue(keyOf(scope), requestId, Math.ceil(deadlineAt), keptMs);
      return (await limited(timeoutMs, call)) === 1;
    },
    async finish({ scope, requestId }, answer) {
      const bytes = (answer && (await encodeKeptAnswer(answer))) ?? '';
      await limited(answerTimeoutMs, redis.idempotencyFinish(keyOf(scope), requestId, bytes, lifetimeMs));
    },
    async isFinished({ scope, requestId }) {
      const [owner, state] = await limited(timeoutMs, redis.hmget(keyOf(scope), 'request', 'state'));
      return owner === requestId && state === 'finished';
    },
    async forget({ scope, requestId }) {
      await limited(timeoutMs, redis.idempotencyForget(keyOf(scope), requestId));
    },
    async discard({ scope, requestId }) {
      await limited(timeoutMs, redis.idempotencyDiscard(keyOf(scope), requestId, discardedForMs));
    },
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  };
}

declare module 'ioredis' {
  /** What `defineCommand` adds. `key` is the record. */
  interface RedisCommander<Context> {
    idempotencyBeginBuffer(key: string, ...args: (string | number)[]): Result<Buffer[], Context>;
    idempotencyQueue(key: string, ...args: (string | number)[]): Result<number, Context>;
    idempotencyFinish(key: string, ...args: (string | number | Buffer)[]): Result<number, Context>;
    idempotencyForget(key: string, ...args: (string | number)[]): Result<number, Context>;
    idempotencyDiscard(key: string, ...args: (string | number)[]): Result<number, Context>;
  }
}

async function begunOf([kind, owner, rest]: readonly Buffer[]): Promise<Begun> {
  const type = String(kind);
  const requestId = String(owner);
  const isThere = rest !== undefined && rest.byteLength > 0;
  switch (type) {
    case 'claimed':
      return { type };
    case 'other-body':
      return { type, requestId };
    case 'running':
      return { type, requestId, deadlineAt: isThere ? Number(rest) : null };
    case 'finished':
      return { type, requestId, answer: isThere ? await decodeKeptAnswer(rest) : null };
    default:
      throw new Error(`the begin script answered ${type}`);
  }
}
