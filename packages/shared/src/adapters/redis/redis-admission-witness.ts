import { Redis } from 'ioredis';
import type { Result } from 'ioredis';
import type {
  AccountCounters,
  AdmissionWitness,
  ExpiredCall,
  OpenCall,
  WitnessDay,
} from '../../ports/admission-witness.ts';
import { connectQuickly, quickRedisSettings } from '../quick-redis.ts';
import { expireScript } from './redis-admission-settle-scripts.ts';
import { forgetScript, inspectScript, noteBookedScript } from './redis-admission-witness-scripts.ts';

declare module 'ioredis' {
  /** What `defineCommand` adds. `key` is the one of all scripts of admission. */
  interface RedisCommander<Context> {
    admissionInspect(key: string, ...accountKeys: string[]): Result<string[], Context>;
    admissionNoteBooked(key: string, ...callIds: string[]): Result<number, Context>;
    admissionForget(key: string, ...args: (string | number)[]): Result<number, Context>;
  }
}

const tag = '{sluice:admission}';
const dayMs = 86_400_000;
/** Keys that one step of a scan looks at. */
const scanCount = 500;
/** Accounts that one script looks at, so that it does not hold Redis up for long. */
const inspectedMax = 50;

/**
 * Reads the counters of redis-admission.ts, over a connection of its own.
 *
 * @throws GatewayError dependency_unavailable when the first connection fails
 */
export async function openRedisAdmissionWitness(options: {
  readonly url: string;
  readonly timeoutMs?: number;
  readonly onError: (error: Error) => void;
}): Promise<AdmissionWitness & AsyncDisposable> {
  const { url, timeoutMs = 5_000, onError } = options;
  const redis = new Redis(url, { ...quickRedisSettings(timeoutMs), commandTimeout: timeoutMs });
  redis.defineCommand('admissionInspect', { lua: inspectScript, numberOfKeys: 1 });
  redis.defineCommand('admissionForget', { lua: forgetScript, numberOfKeys: 1 });
  redis.defineCommand('admissionExpire', { lua: expireScript, numberOfKeys: 1 });
  redis.defineCommand('admissionNoteBooked', { lua: noteBookedScript, numberOfKeys: 1 });
  await connectQuickly(redis, { what: 'admission store', timeoutMs, onError });

  return {
    startedAt: null,

    async days(days) {
      const found = await Promise.all(days.map((day) => readDay(redis, day)));
      return found.filter((day) => day !== null);
    },

    async openCalls() {
      const prefix = `${tag}:call:`;
      const open = new Map<string, OpenCall>();
      for await (const keys of scan(redis, `${prefix}*`)) {
        const days = await Promise.all(keys.map((key) => redis.hget(key, 'day')));
        for (const [index, key] of keys.entries()) {
          const day = days[index] ?? null;
          const callId = key.slice(prefix.length);
          if (day !== null) open.set(callId, { callId, day: dayOf(Number(day)) });
        }
      }
      return [...open.values()];
    },

    async endBooked(callIds) {
      return callIds.length === 0 ? 0 : redis.admissionExpire(tag, ...callIds);
    },

    async noteBooked(callIds) {
      if (callIds.length > 0) await redis.admissionNoteBooked(tag, ...callIds);
    },

    async *accountKeys() {
      const prefix = `${tag}:account:`;
      for await (const keys of scan(redis, `${prefix}*`)) yield keys.map((key) => key.slice(prefix.length));
    },

    async counters(accountKeys) {
      const found: AccountCounters[] = [];
      for (let from = 0; from < accountKeys.length; from += inspectedMax) {
        const page = accountKeys.slice(from, from + inspectedMax);
        const reply = await redis.admissionInspect(tag, ...page);
        for (const [index, key] of page.entries()) {
          const counters = countersOf(key, reply.slice(9 * index, 9 * index + 9));
          if (counters !== null) found.push(counters);
        }
      }
      return found;
    },

    async forget({ accountKey, settledNanoUsd, version, reservedNanoUsd, parallel, settledTokens, reservedTokens }) {
      const seen = [settledNanoUsd, version, reservedNanoUsd, parallel, settledTokens, reservedTokens];
      return (await redis.admissionForget(tag, accountKey, ...seen)) === 1;
    },

    [Symbol.asyncDispose]: async () => redis.disconnect(),
  };
}

async function readDay(redis: Redis, day: string): Promise<WitnessDay | null> {
  const key = `${tag}:witness:${Date.parse(day) / dayMs}`;
  const [fields, expired] = await Promise.all([redis.hgetall(key), redis.lrange(`${key}:expired`, 0, -1)]);
  const { epoch } = fields;
  if (epoch === undefined) return null;
  const count = (name: string) => Number(fields[name] ?? 0);
  return {
    day,
    epoch,
    admitted: count('admitted'),
    booked: count('booked'),
    voided: count('voided'),
    expired: count('expired'),
    lastExpired: expired.map(expiredCallOf),
  };
}

function expiredCallOf(entry: string): ExpiredCall {
  const [callId = '', amount, known] = entry.split(' ');
  return { callId, reservedNanoUsd: Number(amount), costKnown: known === '1' };
}

function countersOf(accountKey: string, fields: readonly string[]): AccountCounters | null {
  const [settled, version, reserved, parallel, settledTokens, reservedTokens, amount, slots, tokens] = fields;
  if (!settled || !settledTokens) return null;
  return {
    accountKey,
    settledNanoUsd: Number(settled),
    version: Number(version),
    reservedNanoUsd: Number(reserved),
    parallel: Number(parallel),
    settledTokens: Number(settledTokens),
    reservedTokens: Number(reservedTokens),
    counted: amount
      ? { reservedNanoUsd: Number(amount), parallel: Number(slots), reservedTokens: Number(tokens) }
      : null,
  };
}

/** The keys that match, each at least once if it is there all the time. */
async function* scan(redis: Redis, match: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', match.replaceAll(/[[\]?]/g, '\\$&'), 'COUNT', scanCount);
    if (keys.length > 0) yield keys;
    cursor = next;
  } while (cursor !== '0');
}

function dayOf(daysSince1970: number): string {
  return new Date(daysSince1970 * dayMs).toISOString().slice(0, 10);
}
