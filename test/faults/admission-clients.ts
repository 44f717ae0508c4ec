import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as elapsed } from 'node:timers/promises';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { Account } from '@sluice/shared/contracts/account.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import type { RedisAdmissionOptions } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { AccountLimits, Admission, Balance } from '@sluice/shared/ports/admission.ts';
import type { Redis } from 'ioredis';
import { createAdmit } from '../../services/ingress/src/admission/admit.ts';
import type { Admit } from '../../services/ingress/src/admission/admit.ts';

/** Admission as one ingress has it: a connection, counters and lines of its own. */
export interface AdmissionClient {
  readonly admission: Admission;
  readonly admit: Admit;
}

export async function openClients(
  count: number,
  options: Omit<RedisAdmissionOptions, 'redis'> & { url: string },
): Promise<{ readonly clients: readonly AdmissionClient[] } & AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const clients: AdmissionClient[] = [];
  for (let client = 0; client < count; client += 1) {
    const admission = stack.use(await openRedisAdmission(options));
    const { admit } = stack.use(await createAdmit({ admission, now: Date.now }));
    clients.push({ admission, admit });
  }
  return { clients, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** An account without limits but these, of this run alone. */
export function accountFor(id: string, limits: Partial<AccountLimits>): AccountLimits {
  const none = { requestsPerMinute: null, tokensPerMinute: null, maxParallelRequests: null };
  return { id: `${id}-${randomUUID()}`, windowStart: 0, budgetNanoUsd: null, tokenBudget: null, ...none, ...limits };
}

export function newCallId(): CallId {
  return callIdOf(RequestId.parse(`chatcmpl-${randomUUID()}`), 1);
}

/** A model call, which takes its time. Nothing is waited for by it: tests wait for what the calls change. */
export async function takes(ms: number): Promise<void> {
  await elapsed(ms);
}

/** How refusals name an account in these tests. */
export function describe({ id }: AccountLimits) {
  return { budget: id, descriptor: id.split('-')[0] ?? id, value: id };
}

/** The ledger's side: every booked call on all its accounts, once. */
export class TestBooks {
  readonly #balances = new Map<string, Balance>();
  readonly #booked = new Set<CallId>();

  load = async (accounts: readonly Account[]): Promise<Balance[]> => accounts.map((account) => this.balance(account));

  findBooked = async (callIds: readonly CallId[]): Promise<CallId[]> => callIds.filter((id) => this.#booked.has(id));

  balance({ id, windowStart }: Account): Balance {
    const none = { id, windowStart, settledNanoUsd: 0, settledTokens: 0, version: 0 };
    return this.#balances.get(accountKey({ id, windowStart })) ?? none;
  }

  book(callId: CallId, accounts: readonly Account[], used: { costNanoUsd: number; tokens: number }): Balance[] {
    assert.ok(!this.#booked.has(callId), `${callId} is booked already`);
    this.#booked.add(callId);
    return accounts.map((account) => {
      const before = this.balance(account);
      const balance = {
        ...before,
        settledNanoUsd: before.settledNanoUsd + used.costNanoUsd,
        settledTokens: before.settledTokens + used.tokens,
        version: before.version + 1,
      };
      this.#balances.set(accountKey(account), balance);
      return balance;
    });
  }
}

/** What the counters themselves say. */
export async function countersOf(redis: Redis, accounts: readonly Account[]) {
  const fields = ['settled', 'reserved', 'settledTokens', 'reservedTokens', 'parallel'] as const;
  return Promise.all(
    accounts.map(async (account) => {
      const values = await redis.hmget(`{sluice:admission}:account:${accountKey(account)}`, ...fields);
      const [settledNanoUsd, reservedNanoUsd, settledTokens, reservedTokens, parallel] = values.map(Number);
      return { settledNanoUsd, reservedNanoUsd, settledTokens, reservedTokens, parallel };
    }),
  );
}
