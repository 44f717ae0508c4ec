import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import type { Account } from '@sluice/shared/contracts/account.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { costOf, loadEvent } from '../load/usage-events.ts';
import { bookAsBefore, oldQuestions } from './old-release.ts';

/** What processes of the old release did to the database since they were started. */
export interface OldLoad extends AsyncDisposable {
  /** Statements that were answered so far. */
  readonly statements: number;
  readonly booked: number;
  /** Of the keys that were named, by hash; nano-USD. */
  readonly spent: ReadonlyMap<string, bigint>;
  readonly failures: readonly string[];
  /** The longest time that a statement took, by what it does; ms. */
  readonly longestMs: ReadonlyMap<string, number>;
  /** Ends it when what runs is done. */
  stop(): Promise<void>;
}

/** Of a booking, as the old ledger had them come at a calm time. */
const batchSize = 20;
const writers = 2;
/** From the end of a statement to its sender's next one: always one under way, and cores left for what is tested. */
const paceMs = 10;

/** A call that the old release admitted: booked on its key's account, and on no other. */
export function oldEvent(n: number, keyHash?: string, accounts?: readonly Account[]): UsageEvent {
  const event = loadEvent(n, Date.now());
  const caller = { ...event.caller, keyHash: keyHash ?? event.caller.keyHash };
  return { ...event, caller, accounts: [...(accounts ?? [{ id: `key:${caller.keyHash}`, windowStart: 0 }])] };
}

/**
 * Two ledgers that book on and on, and one asker for each of the ingress's questions. With the time limits that
 * the old release has, so that what would fail there fails here.
 *
 * @param keyHashes of keys that are asked about, and that every tenth call is made with in turn
 */
export async function openOldLoad(url: string, keyHashes: readonly string[]): Promise<OldLoad> {
  const askers = Object.entries(oldQuestions);
  const sql = await openPostgres({ url, applicationName: 'old-release', max: writers + askers.length });
  const end = new AbortController();
  const failures: string[] = [];
  const longestMs = new Map<string, number>();
  const spent = new Map<string, bigint>(keyHashes.map((hash) => [hash, 0n]));
  let statements = 0;
  let booked = 0;
  let next = 0;

  const timed = async (what: string, work: () => Promise<unknown>) => {
    const since = performance.now();
    try {
      await work();
    } catch (error) {
      const { cause } = error instanceof Error ? error : {};
      failures.push(`${what}: ${String(cause ?? error)}`);
    }
    statements += 1;
    longestMs.set(what, Math.max(longestMs.get(what) ?? 0, performance.now() - since));
    await sleep(paceMs);
  };
  const write = async () => {
    while (!end.signal.aborted) {
      const first = (next += batchSize) - batchSize;
      const events = Array.from({ length: batchSize }, (_, index) => {
        const n = first + index;
        return oldEvent(1_000_000_000 + n, n % 10 === 0 ? keyHashes[(n / 10) % keyHashes.length] : undefined);
      });
      await timed('booking', async () => {
        const more = await bookAsBefore(sql, events);
        booked += more;
        for (const event of events) {
          const { keyHash } = event.caller;
          const before = spent.get(keyHash);
          if (before !== undefined) spent.set(keyHash, before + costOf(event));
        }
      });
    }
  };
  const ask = async ([what, question]: (typeof askers)[number]) => {
    for (let turn = 0; !end.signal.aborted; turn += 1) {
      const hash = keyHashes[turn % keyHashes.length];
      if (hash !== undefined) await timed(what, () => question(sql, hash));
    }
  };
  const running = Promise.all([...Array.from({ length: writers }, write), ...askers.map(ask)]);
  const stop = async () => {
    end.abort();
    await running;
  };
  return {
    get statements() {
      return statements;
    },
    get booked() {
      return booked;
    },
    spent,
    failures,
    longestMs,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await sql[Symbol.asyncDispose]();
    },
  };
}
