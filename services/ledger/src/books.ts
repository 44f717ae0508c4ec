import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Duration } from '@sluice/shared/time/duration.ts';
import { bookUsage, type Booking } from './sql/book-usage.ts';
import { dropPartitions } from './sql/drop-partitions.ts';
import { ensurePartitions } from './sql/ensure-partitions.ts';
import { readRecentBalances } from './sql/read-recent-balances.ts';
import { rejectUsage, type Rejection } from './sql/reject-usage.ts';

/** What the ledger asks of its database. */
export interface Books {
  /**
   * Books a batch in one atomic step. A call that is in the books already changes nothing.
   *
   * @throws UnbookableUsageError when an event has no row; the database's error, with its SQLSTATE as `code`, when it
   *   refuses one. Nothing is booked then; after any other error the batch may have been.
   */
  book(events: readonly UsageEvent[]): Promise<Booking>;
  /** Keeps an event that could not be booked as it came. */
  reject(rejection: Rejection): Promise<void>;
  /** Balances that moved in the last hour in which any did, however long ago that was; the latest first. */
  recentBalances(options: { limit: number }): Promise<readonly Balance[]>;
  /** Makes room for the months to come. @returns the names of the partitions that are new */
  ensurePartitions(now: number): Promise<readonly string[]>;
  /** Drops the months whose rows are all older than the retention period. @returns the names of their partitions */
  dropPartitions(period: { now: number; retention: Duration }): Promise<readonly string[]>;
}

export function createPostgresBooks(sql: SqlPool): Books {
  return {
    book: (events) => bookUsage(sql, events),
    reject: (rejection) => rejectUsage(sql, rejection),
    recentBalances: (options) => readRecentBalances(sql, options),
    ensurePartitions: (now) => ensurePartitions(sql, now),
    dropPartitions: (period) => dropPartitions(sql, period),
  };
}
