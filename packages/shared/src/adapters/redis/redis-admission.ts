import { Redis } from 'ioredis';
import type { Result } from 'ioredis';
import type { CallId } from '../../ids.ts';
import type {
  AccountLimits,
  ActualUse,
  Admission,
  FindBooked,
  LoadBalances,
  ReservationRequest,
  ReservationResult,
  Settlement,
} from '../../ports/admission.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { boundedReservation, requireUse } from '../reservation-cost.ts';
import { shareLoadBalances } from '../share-load-balances.ts';
import { TurnGatherer } from '../turn-gatherer.ts';
import { connectQuickly, quickRedisSettings } from '../quick-redis.ts';
import { HeldCalls } from './held-calls.ts';
import { accountAt, balanceArguments, reserveArguments, resultOf } from './redis-admission-replies.ts';
import { reserveScript } from './redis-admission-reserve-script.ts';
import { lookScript, restoreScript, seedScript } from './redis-admission-seed-scripts.ts';
import { expireScript, settleScript, shrinkScript } from './redis-admission-settle-scripts.ts';

export type RedisAdmissionOptions = {
  readonly loadBalances: LoadBalances;
  /** Asked after Redis lost its data. Without it, what was booked unheard just before stays reserved until it expires. */
  readonly findBooked?: FindBooked;
  /** Of every call, the reading of balances included. */
  readonly timeoutMs?: number;
  /**
   * After Redis lost its data, requests with a budget wait so long, for every process to say what it holds. Longer than
   * a live process takes to notice: half a second to connect again, and half a second between looks.
   */
  readonly lossGraceMs?: number;
  /** Stands in for the server's clock, for tests; epoch ms. */
  readonly serverTime?: (request: ReservationRequest) => number;
  /** Lost connections; the adapter comes back by itself. */
  readonly onError?: (error: Error) => void;
} & ({ readonly url: string } | { readonly redis: Redis });

/**
 * Admission counters in Redis, one script per step. The server should keep what it has acknowledged (`appendonly yes`)
 * and must not evict (`maxmemory-policy noeviction`). One that lost everything is filled from the books, and with the
 * reservations that each process remembers of its own; budgets wait for that. Rate windows begin anew then.
 * Rate windows and the lives of reservations are measured by the server's clock, so that callers' clocks need not agree.
 *
 * @param options `redis` is shared, and stays the caller's to close; with `url` the adapter has a connection of its own
 * @throws GatewayError dependency_unavailable when the first connection fails, and from every method while Redis is
 *   away or does not answer in time. What was asked may have happened: all methods can be called again.
 */
export async function openRedisAdmission(options: RedisAdmissionOptions): Promise<Admission> {
  const { loadBalances, findBooked, timeoutMs = 700, onError = () => {} } = options;
  const { lossGraceMs = 3_000, serverTime = () => '' as const } = options;
  const settings = quickRedisSettings(timeoutMs);
  const redis = 'url' in options ? new Redis(options.url, settings) : options.redis;
  redis.defineCommand('admissionReserve', { lua: reserveScript, numberOfKeys: 1 });
  redis.defineCommand('admissionShrink', { lua: shrinkScript, numberOfKeys: 1 });
  redis.defineCommand('admissionSettle', { lua: settleScript, numberOfKeys: 1 });
  redis.defineCommand('admissionSeed', { lua: seedScript, numberOfKeys: 1 });
  redis.defineCommand('admissionExpire', { lua: expireScript, numberOfKeys: 1 });
  redis.defineCommand('admissionLook', { lua: lookScript, numberOfKeys: 1 });
  redis.defineCommand('admissionRestore', { lua: restoreScript, numberOfKeys: 1 });
  const isOwn = 'url' in options;
  if (isOwn) await connectQuickly(redis, { what: dependency, timeoutMs, onError });
  const held = new HeldCalls({
    look: async (callIds) => {
      const [beganAt = 0, ...open] = await redis.admissionLook(tag, ...callIds);
      return { beganAt, open: open.map((flag) => flag === 1) };
    },
    restore: async (callId, args) => void (await redis.admissionRestore(tag, callId, ...args)),
    expire: async (callIds) => void (await redis.admissionExpire(tag, ...callIds)),
    findBooked: findBooked ?? (async () => []),
    timeoutMs,
    onError,
  });
  try {
    await withTimeLimit(dependency, timeoutMs, held.look());
  } catch (error) {
    if (isOwn) redis.disconnect();
    throw error;
  }
  return new RedisAdmission({
    redis,
    isOwn,
    held,
    loadBalances: shareLoadBalances(loadBalances, timeoutMs),
    lossGraceMs,
    serverTime,
    timeoutMs,
    onError,
  });
}

declare module 'ioredis' {
  /** What `defineCommand` adds. `key` is the one of all scripts. */
  interface RedisCommander<Context> {
    admissionReserve(key: string, ...args: (string | number)[]): Result<(string | number | null)[], Context>;
    admissionShrink(key: string, ...args: (string | number)[]): Result<number, Context>;
    admissionSettle(key: string, ...args: (string | number)[]): Result<number, Context>;
    admissionSeed(key: string, ...args: (string | number)[]): Result<number, Context>;
    admissionExpire(key: string, ...args: (string | number)[]): Result<number, Context>;
    admissionLook(key: string, ...args: (string | number)[]): Result<number[], Context>;
    admissionRestore(key: string, ...args: (string | number)[]): Result<number, Context>;
  }
}

const dependency = 'admission store';
const tag = '{sluice:admission}';
const roomChannel = `${tag}:room`;

/** Per reserve. Again unknown after it: lost again, or a booking overtook the reading of the books. */
const seedingsMax = 3;
/** Sweeping runs of one reserve; each takes 64 expired calls. */
const sweepsMax = 1_000;
/** Calls per settling script, so that none holds Redis up for long. */
const settledCallsMax = 256;
/** Calls per shrinking script, likewise. */
const shrunkCallsMax = 64;
/** A known cost stays reserved this much longer than a running call, for a ledger that is late. */
const knownCostExtensionMs = 24 * 3600 * 1000;

interface RedisAdmissionDeps {
  readonly redis: Redis;
  readonly isOwn: boolean;
  readonly held: HeldCalls;
  readonly loadBalances: LoadBalances;
  readonly lossGraceMs: number;
  readonly serverTime: (request: ReservationRequest) => number | '';
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

class RedisAdmission implements Admission {
  readonly #deps: RedisAdmissionDeps;
  readonly #redis: Redis;
  readonly #held: HeldCalls;
  readonly #roomListeners = new Set<(accountKeys: readonly string[]) => void>();
  readonly #onReady: () => void;
  readonly #shrinks: TurnGatherer<readonly (string | number)[], number>;
  #room: { readonly redis: Redis; readonly live: Promise<unknown> } | undefined;

  constructor(deps: RedisAdmissionDeps) {
    this.#deps = deps;
    this.#redis = deps.redis;
    this.#held = deps.held;
    this.#shrinks = new TurnGatherer(shrunkCallsMax, (calls) =>
      this.#redis.admissionShrink(tag, knownCostExtensionMs, ...calls.flat()),
    );
    this.#onReady = () => deps.held.lookSoon();
    this.#redis.on('ready', this.#onReady);
  }

  async reserve(asked: ReservationRequest): Promise<ReservationResult> {
    const request = boundedReservation(asked);
    this.#shrinks.flush(); // what was given back before is there for this request
    const caller = { waits: true };
    try {
      const result = await this.#limited(this.#reserve(request, caller));
      if (result.type === 'admitted') this.#held.hold(request, result);
      return result;
    } finally {
      caller.waits = false;
    }
  }

  async shrink(callId: CallId, actual: ActualUse): Promise<void> {
    requireUse(actual);
    const args = [callId, actual.costNanoUsd, actual.tokens, actual.inputTokens ?? 0];
    await this.#limited(this.#shrinks.add(args).answer);
    this.#held.shrink(callId, actual);
  }

  async settle({ calls, balances }: Settlement): Promise<void> {
    // The balances go first, with the first calls: what is booked and still reserved leaves too little room for a
    // moment, never too much.
    const facts = balanceArguments(balances);
    for (let from = 0; from === 0 || from < calls.length; from += settledCallsMax) {
      const some = calls.slice(from, from + settledCallsMax);
      const ended = some.flatMap(({ callId, tokens, inputTokens = 0 }) => [callId, tokens, inputTokens]);
      await this.#limited(this.#redis.admissionSettle(tag, some.length, ...ended, ...(from === 0 ? facts : [])));
    }
  }

  async onRoom(listener: (accountKeys: readonly string[]) => void): Promise<AsyncDisposable> {
    this.#roomListeners.add(listener);
    try {
      await this.#limited((this.#room ??= this.#listenForRoom()).live);
    } catch (error) {
      this.#roomListeners.delete(listener);
      throw error;
    }
    return { [Symbol.asyncDispose]: async () => void this.#roomListeners.delete(listener) };
  }

  async ping(): Promise<void> {
    await this.#limited(this.#redis.ping());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.off('ready', this.#onReady);
    this.#held[Symbol.dispose]();
    if (this.#deps.isOwn) this.#redis.disconnect();
    this.#room?.redis.disconnect();
  }

  /** @param caller what would be reserved when it has stopped waiting, nobody would give back */
  async #reserve(request: ReservationRequest, caller: { readonly waits: boolean }): Promise<ReservationResult> {
    let seedings = 0;
    for (let sweeps = 0; sweeps < sweepsMax && caller.waits; sweeps += 1) {
      const reply = await this.#redis.admissionReserve(
        tag,
        ...reserveArguments(request, this.#deps.serverTime(request)),
      );
      const answer = String(reply[0]);
      switch (answer) {
        case 'again':
          continue;
        case 'unknown':
          seedings += 1;
          if (seedings > seedingsMax) throw new Error('accounts stay unknown after seeding');
          await this.#seed(reply.slice(1).map((position) => accountAt(request, position)));
          continue;
        default:
          return resultOf(request, reply);
      }
    }
    throw new Error('expired reservations come faster than they can be swept');
  }

  async #seed(accounts: readonly AccountLimits[]): Promise<void> {
    const ids = accounts.map(({ id, windowStart }) => ({ id, windowStart }));
    const balances = await this.#deps.loadBalances(ids);
    await this.#redis.admissionSeed(tag, this.#deps.lossGraceMs, ...balanceArguments(balances));
  }

  #limited<T>(call: Promise<T>): Promise<T> {
    return withTimeLimit(dependency, this.#deps.timeoutMs, call);
  }

  #listenForRoom(): { redis: Redis; live: Promise<unknown> } {
    // Subscriptions are renewed after a reconnect, hence the queue; what is missed meanwhile is missed.
    const redis = this.#redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
    redis.on('error', this.#deps.onError);
    redis.on('message', (_channel: string, key: string) => {
      for (const listener of this.#roomListeners) listener([key]);
    });
    const live = redis
      .connect()
      .then(() => redis.subscribe(roomChannel))
      .catch((error: unknown) => {
        redis.disconnect();
        this.#room = undefined; // the next listener tries again
        throw error;
      });
    return { redis, live };
  }
}
