import { setTimeout as sleep } from 'node:timers/promises';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { silentLogger, type Logger } from '@sluice/shared/log.ts';
import type { Admission, SettledCall } from '@sluice/shared/ports/admission.ts';
import type { UsageSource } from '@sluice/shared/ports/usage-log.ts';
import { usedTokens } from '@sluice/shared/prices/usage-tokens.ts';
import type { Duration } from '@sluice/shared/time/duration.ts';
import type { Books } from './books.ts';
import { Settlements } from './settlements.ts';
import { UnbookableUsageError, type Booking } from './sql/book-usage.ts';
import { withoutAttachments } from './without-attachments.ts';

export interface LedgerOptions {
  books: Books;
  usage: UsageSource;
  admission: Pick<Admission, 'settle'>;
  log?: Logger;
  /** Events booked at once, at most 500. */
  batchSize?: number;
  /**
   * How long an event may wait for others to share its transaction. Nobody waits for it: the worker has shrunk the
   * reservation to the cost by then.
   */
  maxWaitMs?: number;
  /** How long rows are kept at least; null: for ever. */
  retention?: Duration | null;
  now?: () => number;
}

/** Counted since the ledger opened. */
export interface LedgerStats {
  readonly booked: number;
  readonly duplicates: number;
  /** Events whose money is not in the books; each lies in `ledger.rejected_events`. */
  readonly rejected: number;
  /** Events booked without the texts attached to them, because the database refused those. */
  readonly stripped: number;
  readonly batches: number;
  /** Batches that could not be booked when they came, and come again. */
  readonly failedBatches: number;
  readonly failedSettlements: number;
  /** Reservations and balances, now, that admission has not heard of yet. */
  readonly pendingSettlements: number;
}

export interface Ledger extends AsyncDisposable {
  readonly stats: LedgerStats;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Books usage events as they come, and tells admission, until it is disposed; a batch that is running is finished. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { books, usage, admission, log = silentLogger, batchSize = 500, maxWaitMs = 100, now = Date.now } = options;
  const { retention = null } = options;
  const counts = { booked: 0, duplicates: 0, rejected: 0, stripped: 0, batches: 0, failedBatches: 0 };
  const settling = { failedSettlements: 0 };
  await using resources = new AsyncDisposableStack();

  await keepPartitions(books, { retention, now, log, resources });

  const settlements = resources.use(
    new Settlements({ admission, log, onFailure: () => (settling.failedSettlements += 1) }),
  );
  // Had the last ledger died between a commit and its settlement, these are what admission has not heard.
  await settlements.settle({ calls: [], balances: await books.recentBalances({ limit: 10_000 }) });

  const closing = new AbortController();
  const pauses = createPauses(closing.signal);
  const book = async (events: readonly UsageEvent[]) => {
    try {
      const { booking, calls, rejected, stripped } = await bookOrReject(books, events, log);
      counts.batches += 1;
      counts.booked += booking.booked.length;
      counts.duplicates += booking.duplicates.length;
      counts.rejected += rejected;
      counts.stripped += stripped;
      if (pauses.reset()) log.info({}, 'booking again');
      await settlements.settle({ calls, balances: booking.balances });
    } catch (error) {
      counts.failedBatches += 1;
      log.error({ err: error, events: events.length }, 'batch not booked; it comes again');
      await pauses.pause();
      throw error; // so that nobody forgets the batch
    }
  };
  resources.use(await usage.consume({ batchSize, maxWaitMs }, book));
  resources.defer(() => closing.abort());

  const owned = resources.move();
  return {
    get stats() {
      return { ...counts, ...settling, pendingSettlements: settlements.pending };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Outcome {
  readonly booking: Booking;
  /** All that are in the books, in the order in which they came. */
  readonly calls: readonly SettledCall[];
  readonly rejected: number;
  readonly stripped: number;
}

/**
 * Books what can be booked. A batch that the database refuses is halved until the events at fault are alone; the
 * others are booked as if they had not been there.
 *
 * @throws when the database fails rather than refuses: what is booked by then is a duplicate the next time
 */
async function bookOrReject(books: Books, events: readonly UsageEvent[], log: Logger): Promise<Outcome> {
  try {
    const booking = await books.book(events);
    return { booking, calls: settledCallsOf(events, booking), rejected: 0, stripped: 0 };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const [event] = events;
    if (events.length === 1 && event !== undefined) return bookStripped(books, event, error, log);
    const middle = Math.floor(events.length / 2);
    const first = await bookOrReject(books, events.slice(0, middle), log);
    const second = await bookOrReject(books, events.slice(middle), log);
    return merge(first, second);
  }
}

/** The money counts more than what was attached to the call, which a client may have made unbookable on purpose. */
async function bookStripped(books: Books, event: UsageEvent, refusal: Error, log: Logger): Promise<Outcome> {
  const ids = { callId: event.callId, requestId: event.requestId, reason: refusal.message };
  try {
    const booking = await books.book([withoutAttachments(event)]);
    await books.reject({ event, reason: refusal.message, booked: true });
    log.error(ids, 'usage event booked without its attachments');
    return { booking, calls: settledCallsOf([event], booking), rejected: 0, stripped: 1 };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await books.reject({ event, reason: error.message, booked: false });
    log.error({ ...ids, reason: error.message }, 'usage event rejected: its money is not in the books');
    return { booking: { booked: [], duplicates: [], balances: [] }, calls: [], rejected: 1, stripped: 0 };
  }
}

/** With the tokens in the books: what comes again may say others, as when a job was taken over from a living worker. */
function settledCallsOf(events: readonly UsageEvent[], { duplicates }: Booking): SettledCall[] {
  const before = new Map(duplicates.map((call) => [call.callId, call]));
  return events.map((event) => before.get(event.callId) ?? { callId: event.callId, ...usedTokens(event) });
}

/** SQLSTATE classes that speak of the data: 22 data exception, 23 integrity violation, 54 program limit exceeded. */
function isRefusal(error: unknown): error is Error {
  if (error instanceof UnbookableUsageError) return true;
  if (!(error instanceof Error) || !('code' in error)) return false;
  return typeof error.code === 'string' && /^(22|23|54)[0-9A-Z]{3}$/.test(error.code);
}

function merge(first: Outcome, second: Outcome): Outcome {
  const later = new Set(second.booking.balances.map(accountKey));
  return {
    booking: {
      booked: [...first.booking.booked, ...second.booking.booked],
      duplicates: [...first.booking.duplicates, ...second.booking.duplicates],
      balances: [
        ...first.booking.balances.filter((balance) => !later.has(accountKey(balance))),
        ...second.booking.balances,
      ],
    },
    calls: [...first.calls, ...second.calls],
    rejected: first.rejected + second.rejected,
    stripped: first.stripped + second.stripped,
  };
}

/** Before the source tries a failed batch again; longer each time, on top of the source's own pause. */
function createPauses(signal: AbortSignal) {
  const firstMs = 100;
  const longestMs = 5_000;
  let nextMs = firstMs;
  return {
    async pause() {
      const ms = nextMs;
      nextMs = Math.min(nextMs * 2, longestMs);
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
    /** True when there was a pause before. */
    reset() {
      const paused = nextMs !== firstMs;
      nextMs = firstMs;
      return paused;
    },
  };
}

/** Now and daily. A failure is only logged: until it succeeds, rows go to the default partition, and none is dropped. */
async function keepPartitions(
  books: Books,
  context: { retention: Duration | null; now: () => number; log: Logger; resources: AsyncDisposableStack },
): Promise<void> {
  const { retention, now, log, resources } = context;
  const keep = async () => {
    try {
      const created = await books.ensurePartitions(now());
      if (created.length > 0) log.info({ created }, 'partitions created');
    } catch (error) {
      log.warn({ err: error }, 'partitions not created; rows go to the default partition');
    }
    if (retention === null) return;
    try {
      const dropped = await books.dropPartitions({ now: now(), retention });
      if (dropped.length > 0)
        log.info({ dropped }, 'partitions dropped: their rows are older than the retention period');
    } catch (error) {
      log.warn({ err: error }, 'partitions not dropped; tried again in a day');
    }
  };
  await keep();
  const timer = setInterval(() => void keep(), dayMs);
  timer.unref();
  resources.defer(() => clearInterval(timer));
}
