import type { Meter } from '@opentelemetry/api';
import type { UsageSource } from '@sluice/shared/ports/usage-log.ts';
import type { Ledger } from './ledger.ts';

/** Shows what the ledger has done, and what it has still to do. */
export function watchLedger(meter: Meter, ledger: Ledger, usage: Pick<UsageSource, 'backlog'>): void {
  const events = meter.createObservableCounter('sluice_ledger_events', {
    description: 'Usage events, by what became of them',
  });
  const failures = meter.createObservableCounter('sluice_ledger_failures', {
    description: 'Batches that had to be tried again',
  });
  const pending = meter.createObservableGauge('sluice_ledger_pending_settlements', {
    description: 'Reservations and balances that admission has not heard of yet',
  });
  const backlog = meter.createObservableGauge('sluice_usage_backlog', {
    description: 'Usage events stored and not yet booked',
  });

  meter.addBatchObservableCallback(
    (observer) => {
      const { booked, duplicates, rejected, failedBatches, failedSettlements, pendingSettlements } = ledger.stats;
      for (const [outcome, count] of Object.entries({ booked, duplicates, rejected }))
        observer.observe(events, count, { outcome });
      observer.observe(failures, failedBatches, { step: 'book' });
      observer.observe(failures, failedSettlements, { step: 'settle' });
      observer.observe(pending, pendingSettlements);
    },
    [events, failures, pending],
  );
  backlog.addCallback(async (observer) => observer.observe(await usage.backlog()));
}
