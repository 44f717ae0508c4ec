import type { Meter } from '@opentelemetry/api';
import type { Logger } from '@sluice/shared/log.ts';
import { expectedWaitMs } from '@sluice/shared/ports/fair-share.ts';
import type { FairShare } from '@sluice/shared/ports/fair-share.ts';

/**
 * What waits in each queue, asked for when metrics are read. Every ingress tells the same: take the maximum over
 * them, not the sum.
 */
export function watchLines(
  meter: Meter,
  deps: { fairShare: Pick<FairShare, 'line'>; queues: readonly string[]; now: () => number; log: Logger },
): void {
  const depth = meter.createObservableGauge('sluice_queue_depth', { description: 'Jobs that wait for a worker' });
  const age = meter.createObservableGauge('sluice_queue_oldest_age', {
    description: 'How long the oldest job has waited',
    unit: 's',
  });
  const wait = meter.createObservableGauge('sluice_queue_wait_estimate', {
    description: 'How long the whole line takes at its speed; absent while the speed is not known',
    unit: 's',
  });
  meter.addBatchObservableCallback(
    async (observe) => {
      const observed = deps.queues.map(async (queue) => {
        const { waiting, oldestAgeMs, perSecond } = await deps.fairShare.line(queue, deps.now());
        const labels = { alias: queue };
        const waitMs = expectedWaitMs({ ahead: waiting, perSecond });
        observe.observe(depth, waiting, labels);
        observe.observe(age, oldestAgeMs / 1_000, labels);
        if (waitMs !== null) observe.observe(wait, waitMs / 1_000, labels);
      });
      await Promise.all(observed).catch((error: unknown) => deps.log.debug({ err: error }, 'lines not observed'));
    },
    [depth, age, wait],
  );
}
