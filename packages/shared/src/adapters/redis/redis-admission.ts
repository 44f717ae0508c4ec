import { Redis } from 'ioredis';
import type { Result } from 'ioredis';
import { accountKey } from '../../contracts/account.ts';
import type { CallId } from '../../ids.ts';
import type {
  AccountLimits,
  AccountState,
  Admission,
  Balance,
  LoadBalances,
  ReservationRequest,
  ReservationResult,
  Settlement,
} from '../../ports/admission.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { boundedReservation } from '../reservation-cost.ts';
import { shareLoadBalances } from '../share-load-balances.ts';
import { connectQuickly, quickRedisSettings } from '../quick-redis.ts';
import { reserveScript, seedScript, settleScript, shrinkScript } from './redis-admission-scripts.ts';

export type RedisAdmissionOptions = {
  readonly loadBalances: LoadBalances;
  /** Of every call, the reading of balances included. */
  readonly timeoutMs?: number;
  /** Lost connections; the adapter comes back by itself. */
  readonly onError?: (error: Error) => void;
} & ({ readonly url: string } | { readonly redis: Redis });

/**
 * Admission counters in Redis, one script per step. Reservations live nowhere else, so the server has to keep what
 * it has acknowledged (`appendonly yes`) and must not evict (`maxmemory-policy noeviction`).
 *
 * @param options `redis` is shared, and stays the caller's to close; with `url` the adapter has a connection of its own
 * @throws GatewayError dependency_unavailable when the first connection fails, and from every method while Redis is
 *   away or does not answer in time. What was asked may have happened: all methods can be called again.
 */
export async function openRedisAdmission(options: RedisAdmissionOptions): Promise<Admission> {
  const { loadBalances, timeoutMs = 700, onError = () => {} } = options;
  const settings = quickRedisSettings(timeoutMs);
  const redis = 'url' in options ? new Redis(options.url, settings) : options.redis;
  redis.defineCommand('admissionReserve', { lua: reserveScript, numberOfKeys: 1 });
  redis.defineCommand('admissionShrink', { lua: shrinkScript, numberOfKeys: 1 });
  redis.defineCommand('admissionSettle', { lua: settleScript, numberOfKeys: 1 });
  redis.defineCommand('admissionSeed', { lua: seedScript, numberOfKeys: 1 });
  const isOwn = 'url' in options;
  if (isOwn) await connectQuickly(redis, { what: dependency, timeoutMs, onError });
  return new RedisAdmission({
    redis,
    isOwn,
    loadBalances: shareLoadBalances(loadBalances, timeoutMs),
    timeoutMs,
    onError,
  });
}

declare module 'ioredis' {
  /** What `defineCommand` adds. `key` is the one of all scripts. */
  interface RedisCommander<Context> {
    admissionReserve(key: string, ...args: (string | number)[]): Result<string[], Context>;
    admissionShrink(key: string, ...args: (string | number)[]): Result<number, Context>;
    admissionSettle(key: string, ...args: (string | number)[]): Result<number, Context>;
    admissionSeed(key: string, ...args: (string | number)[]): Result<number, Context>;
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
/** A known cost stays reserved this much longer than a running call, for a ledger that is late. */
const knownCostExtensionMs = 24 * 3600 * 1000;

const dayMs = 86_400_000;

class RedisAdmission implements Admission {
  readonly #redis: Redis;
  readonly #isOwn: boolean;
  readonly #loadBalances: LoadBalances;
  readonly #timeoutMs: number;
  readonly #onError: (error: Error) => void;
  readonly #roomListeners = new Set<(accountKeys: readonly string[]) => void>();
  #room: { readonly redis: Redis; readonly live: Promise<unknown> } | undefined;

  constructor(deps: {
    redis: Redis;
    isOwn: boolean;
    loadBalances: LoadBalances;
    timeoutMs: number;
    onError: (error: Error) => void;
  }) {
    this.#redis = deps.redis;
    this.#isOwn = deps.isOwn;
    this.#loadBalances = deps.loadBalances;
    this.#timeoutMs = deps.timeoutMs;
    this.#onError = deps.onError;
  }

  async reserve(asked: ReservationRequest): Promise<ReservationResult> {
    const request = boundedReservation(asked);
    const end = new AbortController();
    try {
      return await this.#limited(this.#reserve(request, end.signal));
    } finally {
      end.abort('nobody waits'); // a reason of our own: the default one is an error with a stack
    }
  }

  async shrink(callId: CallId, actual: { costNanoUsd: number; tokens: number }): Promise<void> {
    for (const value of [actual.costNanoUsd, actual.tokens]) {
      if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an amount: ${value}`);
    }
    const args = [callId, actual.costNanoUsd, actual.tokens, knownCostExtensionMs];
    await this.#limited(this.#redis.admissionShrink(tag, ...args));
  }

  async settle({ callIds, balances }: Settlement): Promise<void> {
    // The balances go first, with the first calls: what is booked and still reserved leaves too little room for a
    // moment, never too much.
    const facts = balanceArguments(balances);
    for (let from = 0; from === 0 || from < callIds.length; from += settledCallsMax) {
      const ids = callIds.slice(from, from + settledCallsMax);
      await this.#limited(this.#redis.admissionSettle(tag, ids.length, ...ids, ...(from === 0 ? facts : [])));
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
    if (this.#isOwn) this.#redis.disconnect();
    this.#room?.redis.disconnect();
  }

  /** @param end aborted when nobody waits any more: what it would still reserve, nobody would give back */
  async #reserve(request: ReservationRequest, end: AbortSignal): Promise<ReservationResult> {
    let seedings = 0;
    for (let sweeps = 0; sweeps < sweepsMax && !end.aborted; sweeps += 1) {
      const reply = await this.#redis.admissionReserve(tag, ...reserveArguments(request));
      const [answer = ''] = reply;
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
    await this.#redis.admissionSeed(tag, ...balanceArguments(await this.#loadBalances(ids)));
  }

  #limited<T>(call: Promise<T>): Promise<T> {
    return withTimeLimit(dependency, this.#timeoutMs, call);
  }

  #listenForRoom(): { redis: Redis; live: Promise<unknown> } {
    // Subscriptions are renewed after a reconnect, hence the queue; what is missed meanwhile is missed.
    const redis = this.#redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
    redis.on('error', this.#onError);
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

function reserveArguments(request: ReservationRequest): (string | number)[] {
  return [
    request.callId,
    request.now,
    request.expiresAt,
    request.inputCostNanoUsd,
    request.outputNanoUsdPerMillion,
    request.outputTokensCap,
    request.outputTokensMin,
    request.tokensEstimate,
    request.moneyOnly ? 1 : 0,
    request.admittedAt === undefined ? '' : Math.floor(request.admittedAt / dayMs),
    ...request.accounts.flatMap((account) => [
      accountKey(account),
      account.budgetNanoUsd ?? '',
      account.requestsPerMinute ?? '',
      account.tokensPerMinute ?? '',
      account.maxParallelRequests ?? '',
    ]),
  ];
}

function balanceArguments(balances: readonly Balance[]): (string | number)[] {
  return balances.flatMap((balance) => {
    const { settledNanoUsd, version } = balance;
    if (!Number.isSafeInteger(settledNanoUsd) || !Number.isSafeInteger(version)) {
      throw new RangeError(`not a balance: ${settledNanoUsd}, version ${version}`);
    }
    return [accountKey(balance), settledNanoUsd, version];
  });
}

function resultOf(request: ReservationRequest, reply: readonly string[]): ReservationResult {
  const [type = '', ...values] = reply;
  const accountKeyAt = (position: string | undefined) => accountKey(accountAt(request, position));
  switch (type) {
    case 'admitted':
      return {
        type,
        outputTokensCap: integer(values[0]),
        reservedNanoUsd: integer(values[1]),
        accounts: request.accounts.map((account, index) => stateOf(account, values.slice(2 + 5 * index))),
      };
    case 'wait':
      return { type, accountKey: accountKeyAt(values[0]) };
    case 'over-budget':
      return {
        type,
        accountKey: accountKeyAt(values[0]),
        settledNanoUsd: integer(values[1]),
        budgetNanoUsd: integer(values[2]),
        neededNanoUsd: integer(values[3]),
      };
    case 'rate-limited':
      return {
        type,
        accountKey: accountKeyAt(values[0]),
        limitType: limitType(values[1]),
        limit: integer(values[2]),
        remaining: integer(values[3]),
        resetsAt: integer(values[4]),
      };
    default:
      throw new Error(`the reserve script answered ${reply.join(' ')}`);
  }
}

function stateOf(account: AccountLimits, values: readonly string[]): AccountState {
  return {
    accountKey: accountKey(account),
    settledNanoUsd: integer(values[0]),
    reservedNanoUsd: integer(values[1]),
    requestsRemaining: values[2] === '' ? null : integer(values[2]),
    tokensRemaining: values[3] === '' ? null : integer(values[3]),
    windowResetsAt: integer(values[4]),
  };
}

/** @param position as the script counts, from 1 */
function accountAt(request: ReservationRequest, position: string | undefined): AccountLimits {
  const account = request.accounts[integer(position) - 1];
  if (!account) throw new Error(`the reserve script named account ${position} of ${request.accounts.length}`);
  return account;
}

const limitTypes = ['requests', 'tokens', 'max_parallel_requests'] as const;

function limitType(value: string | undefined): (typeof limitTypes)[number] {
  const found = limitTypes.find((type) => type === value);
  if (!found) throw new Error(`the reserve script named a limit ${value}`);
  return found;
}

function integer(value: string | undefined): number {
  const number = Number(value);
  if (!value || !Number.isSafeInteger(number)) throw new Error(`the reserve script answered ${value} for a number`);
  return number;
}
