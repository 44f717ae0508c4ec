import type { Meter } from '@opentelemetry/api';
import { laneOfQueue } from '@sluice/shared/contracts/lane-queue.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { expectedWaitMs } from '@sluice/shared/ports/fair-share.ts';
import type { FairShare, Line } from '@sluice/shared/ports/fair-share.ts';

/**
 * What waits in each queue, asked for when metrics are read. Every ingress tells the same: take the maximum over
 * them, not the sum.
 */
export function watchLines(
  meter: Meter,
  deps: { fairShare: Pick<FairShare, 'line'>; queues: readonly string[]; now: () => number; log: Logger },
): void {
  const depth = meter.createObservableGauge('sluice_queue_depth', { description: 'Jobs that wait for a worker' });
  const age = meter.createObservableGauge('sluice_queue_oldest_age_seconds', {
    description: 'How long the oldest job has waited',
    unit: 's',
  });
  const wait = meter.createObservableGauge('sluice_queue_wait_estimate_seconds', {
    description: 'How long the whole line takes at its speed; absent while the speed is not known',
    unit: 's',
  });
  meter.addBatchObservableCallback(
    async (observe) => {
      const observed = deps.queues.map(async (queue) => {
        const { waiting, oldestAgeMs, perSecond } = await lineOf(queue);
        const { name: alias, lane } = laneOfQueue(queue);
        const labels = { alias, lane };
        const waitMs = expectedWaitMs({ ahead: waiting, perSecond }) ?? Number.NaN;
        observe.observe(depth, waiting, labels);
        observe.observe(age, oldestAgeMs / 1_000, labels);
        observe.observe(wait, waitMs / 1_000, labels);
      });
      await Promise.all(observed);
    },
    [depth, age, wait],
  );

  /** Not a number: nobody knows. What is not observed would be shown as it was before. */
  async function lineOf(queue: string): Promise<Line> {
    try {
      return await deps.fairShare.line(queue, deps.now());
    } catch (error) {
      deps.log.debug({ queue, err: error }, 'line not observed');
      return { waiting: Number.NaN, oldestAgeMs: Number.NaN, perSecond: null };
    }
  }
}
