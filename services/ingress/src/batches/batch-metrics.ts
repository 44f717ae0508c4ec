import type { Meter } from '@opentelemetry/api';
import type { Logger } from '@sluice/shared/log.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { countDeliveries } from '../webhooks/deliveries.ts';
import { unfinished } from './batch.ts';
import { countBatches } from './sql/count-batches.ts';

/** What a try at a line has come to; the last two leave it to be tried again. */
const outcomes = ['completed', 'failed', 'put_back', 'paused'] as const;

/** What a batch runner counts. */
export interface BatchMetrics {
  /** A try at a line has ended, and its result, if it has one, is stored. */
  line(outcome: (typeof outcomes)[number]): void;
}

export function createBatchMetrics(meter: Meter): BatchMetrics {
  const lines = meter.createCounter('sluice_batch_lines', { description: 'Tries at lines of batches, by outcome' });
  for (const outcome of outcomes) lines.add(0, { outcome }); // so that `rate` sees the first one
  return { line: (outcome) => lines.add(1, { outcome }) };
}

/**
 * Shows what there is to do; it is counted when metrics are read. Lines on their way are counted per runner. The other
 * gauges are of all runners together, and each runner shows the same: take the maximum over runners, not the sum.
 */
export function watchBatches(
  meter: Meter,
  deps: { sql: Sql; window: { readonly running: number }; webhooks: readonly { name: string }[]; log: Logger },
): void {
  const { sql, window, log } = deps;
  const inFlight = meter.createObservableGauge('sluice_batch_lines_in_flight', {
    description: 'Lines of batches that this runner has on their way',
  });
  const batches = meter.createObservableGauge('sluice_batches', { description: 'Batches that have not ended' });
  const waiting = meter.createObservableGauge('sluice_batch_lines_waiting', {
    description: 'Lines of batches in progress that have no result yet',
  });
  const messages = meter.createObservableGauge('sluice_webhook_deliveries_waiting', {
    description: 'Messages that webhooks have not got yet',
  });
  /** All labels ever shown: unless observed again, as 0, they keep their last value. Bounded by statuses and codes. */
  const seen = new Map<string, { status: string; paused_reason: string }>(
    unfinished.map((status) => [status, { status, paused_reason: '' }]),
  );

  inFlight.addCallback((observer) => observer.observe(window.running));
  meter.addBatchObservableCallback(
    async (observer) => {
      const counted = await orNull(() => countBatches(sql));
      const byKey = new Map<string, number>();
      for (const { status, pausedReason, count } of counted ?? []) {
        const key = `${status} ${pausedReason ?? ''}`.trimEnd();
        seen.set(key, { status, paused_reason: pausedReason ?? '' });
        byKey.set(key, count);
      }
      for (const [key, labels] of seen) observer.observe(batches, known(counted, byKey.get(key) ?? 0), labels);
      const lines = (counted ?? []).reduce((sum, { waitingLines }) => sum + waitingLines, 0);
      observer.observe(waiting, known(counted, lines));
    },
    [batches, waiting],
  );
  messages.addCallback(async (observer) => {
    const counted = await orNull(() => countDeliveries(sql));
    for (const { name } of deps.webhooks) observer.observe(known(counted, counted?.get(name) ?? 0), { webhook: name });
  });

  async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      log.debug({ err: error }, 'batches not observed');
      return null;
    }
  }
}

/** NaN where the database could not be asked. */
function known(counted: unknown, value: number): number {
  return counted === null ? Number.NaN : value;
}
