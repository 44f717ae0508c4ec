import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { Account } from '@sluice/shared/contracts/account.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { Balance, LoadBalances, SettledCall } from '@sluice/shared/ports/admission.ts';
import type { Books } from '../../services/ledger/src/books.ts';
import { spendRowOf } from '../../services/ledger/src/spend-row.ts';
import type { Booking } from '../../services/ledger/src/sql/book-usage.ts';
import { nothing, plus } from './amounts.ts';
import type { Amounts } from './amounts.ts';
import { Connection, Server } from './connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { latencyMs } from './world.ts';
import type { World } from './world.ts';

export interface BookedRow {
  readonly event: UsageEvent;
  readonly used: Amounts;
  readonly accountKeys: readonly string[];
}

const queryLimitMs = 5_000;

/** The tables of schema `ledger` as far as money goes, with what their keys and transactions promise. */
export class SimulatedBooks {
  readonly server = new Server('books');
  readonly rows = new Map<string, BookedRow>();
  readonly balances = new Map<string, Balance>();
  readonly rejected = new Map<CallId, UsageEvent>();
  readonly #world: World;
  readonly #onBooked: (row: BookedRow) => void;

  constructor(world: World, onBooked: (row: BookedRow) => void) {
    this.#world = world;
    this.#onBooked = onBooked;
  }

  /** For admission, whose own connection it is. */
  readonly loadBalances: LoadBalances = (accounts) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Balance[]>();
    const { time } = this.#world;
    time.after(latencyMs(this.#world), time.outside, 'balances read', () => {
      if (this.server.isAway) return reject(new Error('the books are away'));
      const balances = accounts.map((account) => this.balanceOf(account));
      time.after(latencyMs(this.#world), time.outside, 'balances told', () => resolve(balances));
    });
    return promise;
  };

  clientOf(process: SimulatedProcess): Books {
    const connection = new Connection(this.#world, process, this.server, queryLimitMs);
    return {
      book: (events) => connection.call(`book ${events.length}`, () => this.#book(events)),
      reject: ({ event, booked }) =>
        connection.call(`reject ${event.callId}`, () => {
          if (!booked) this.rejected.set(event.callId, event);
        }),
      recentBalances: ({ limit }) =>
        connection.call('recent balances', () => [...this.balances.values()].toReversed().slice(0, limit)),
      ensurePartitions: () => connection.call('partitions', () => []),
      dropPartitions: async () => [],
    };
  }

  balanceOf({ id, windowStart }: Account): Balance {
    const none = { id, windowStart, settledNanoUsd: 0, settledTokens: 0, version: 0 };
    return this.balances.get(accountKey({ id, windowStart })) ?? none;
  }

  /** One statement: all of it, or nothing. */
  #book(events: readonly UsageEvent[]): Booking {
    const made = events.map((event) => ({ event, row: spendRowOf(event) }));
    if (events.some(isUnbookable)) throw Object.assign(new Error('unsupported Unicode escape'), { code: '22P05' });
    const booked: CallId[] = [];
    const duplicates: SettledCall[] = [];
    const moved = new Map<string, Amounts>();
    const named = new Map<string, Account>();
    for (const { event, row } of made) {
      for (const account of event.accounts) named.set(accountKey(account), account);
      const primaryKey = `${row.admitted_at} ${row.call_id}`;
      const before = this.rows.get(primaryKey);
      if (before) {
        duplicates.push({ callId: event.callId, tokens: before.used.tokens });
        continue;
      }
      const accountKeys = row.account_ids.map((id, n) => accountKey({ id, windowStart: row.window_starts[n] ?? 0 }));
      const used = { nanoUsd: row.cost_nano_usd, tokens: row.settled_tokens };
      const one = { event, used, accountKeys };
      this.rows.set(primaryKey, one);
      booked.push(event.callId);
      for (const key of accountKeys) {
        moved.set(key, plus(moved.get(key) ?? nothing, used));
      }
      this.#onBooked(one);
    }
    for (const [key, more] of moved) {
      const account = named.get(key);
      if (!account) throw new Error(`no account ${key}`);
      const { id, windowStart, settledNanoUsd, settledTokens, version } = this.balanceOf(account);
      this.balances.delete(key); // last: the latest moved
      this.balances.set(key, {
        id,
        windowStart,
        settledNanoUsd: settledNanoUsd + more.nanoUsd,
        settledTokens: settledTokens + more.tokens,
        version: version + 1,
      });
    }
    const told = duplicates.length > 0 ? [...named.keys()] : [...moved.keys()];
    return { booked, duplicates, balances: told.flatMap((key) => this.balances.get(key) ?? []) };
  }
}

/** A client may send metadata that JSON allows and PostgreSQL does not. */
function isUnbookable({ origin }: UsageEvent): boolean {
  return Object.values(origin.metadata).includes('\u0000');
}
