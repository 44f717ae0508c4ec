import type { Meter } from '@opentelemetry/api';
import { ReconciliationCheck } from '@sluice/shared/contracts/reconciliation.ts';
import type { Reconciler } from './reconciler.ts';

/** What to alert on: `sluice_ledger_reconciliation_findings` above 0, and a last look that is long ago. */
export function watchReconciler(meter: Meter, reconciler: Pick<Reconciler, 'stats'>): void {
  const findings = meter.createObservableGauge('sluice_ledger_reconciliation_findings', {
    description: 'What did not reconcile at the last look, by check',
  });
  const lastAt = meter.createObservableGauge('sluice_ledger_reconciliation_last_seconds', {
    description: 'When the last look ended, in Unix time; 0: none yet',
    unit: 's',
  });
  const failures = meter.createObservableCounter('sluice_ledger_reconciliation_failures', {
    description: 'Looks that could not be finished',
  });
  const calls = meter.createObservableGauge('sluice_ledger_reconciliation_calls', {
    description: 'Calls that were admitted on this UTC day and the two before, and what became of them',
  });
  meter.addBatchObservableCallback(
    (observer) => {
      const { stats } = reconciler;
      for (const check of ReconciliationCheck.options)
        observer.observe(findings, stats.findings[check] ?? 0, { check });
      observer.observe(lastAt, stats.lastAt);
      observer.observe(failures, stats.failures);
      for (const state of ['admitted', 'booked', 'voided', 'expired', 'open'] as const)
        observer.observe(calls, stats[state], { state });
    },
    [findings, lastAt, failures, calls],
  );
}
