import { queueOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { usedTokens } from '@sluice/shared/prices/usage-tokens.ts';
import type { JobDelivery } from '@sluice/shared/ports/job-queue.ts';
import type { JobDeps } from './job-context.ts';
import { callNumberOf, writeJournalLine } from './journal.ts';

const retryPauseMs = 500;
/** After this the job is given back: its next attempt finds the event in the journal. */
const patienceMs = 60_000;

/**
 * Resolves when the event is safe. While the log is away it is kept beside the job, so that not even a crash
 * forgets it.
 *
 * @throws the log's error when it stays away: the job must come again
 */
export function storeUsage(event: UsageEvent, delivery: JobDelivery, deps: JobDeps): Promise<void> {
  correctShare(event, delivery, deps);
  return append(event, delivery, deps);
}

/**
 * The reservation falls to the actual cost. Only when the event is stored, and no attempt that takes the job over can
 * book the call as a lost one any more: at its ceiling it may need all that was reserved. It may fail, since the
 * books will say the cost too.
 */
export async function shrinkReservation(event: UsageEvent, deps: Pick<JobDeps, 'admission' | 'log'>): Promise<void> {
  const { callId } = event;
  const actual = { costNanoUsd: usageCostNanoUsd(event), ...usedTokens(event) };
  try {
    await deps.admission.shrink(callId, actual);
  } catch (error) {
    deps.log.warn({ callId, err: error }, 'reservation not shrunk');
  }
}

/**
 * The job's team is charged what the call used instead of what was expected. Nobody waits for it, and it may fail:
 * it is about who is next, and only for a while.
 */
function correctShare(event: UsageEvent, { job }: JobDelivery, deps: JobDeps): void {
  const { turn, requestId } = job;
  if (!turn) return;
  const { inputTokens, outputTokens } = event.usage;
  const outcome = event.outcome === 'completed' ? 'answered' : 'ended';
  deps.fairShare
    .correct({ queue: queueOfJob(job), requestId, turn, inputTokens, outputTokens, outcome, now: deps.now() })
    .catch((error: unknown) => deps.log.warn({ callId: event.callId, err: error }, 'fair share not corrected'));
}

async function append(event: UsageEvent, delivery: JobDelivery, deps: JobDeps): Promise<void> {
  const giveUpAt = deps.now() + patienceMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return await deps.usage.append(event);
    } catch (error) {
      deps.log.error({ callId: event.callId, tries, err: error }, 'usage not stored');
      if (tries === 0) await keepInJournal(event, delivery, deps);
      if (deps.now() >= giveUpAt || delivery.signal.aborted) throw error;
    }
    await deps.pause(retryPauseMs, delivery.signal);
  }
}

async function keepInJournal(event: UsageEvent, delivery: JobDelivery, deps: JobDeps): Promise<void> {
  const call = callNumberOf(event.callId);
  try {
    await delivery.journal(writeJournalLine({ type: 'usage', call, event }));
  } catch (error) {
    deps.log.error({ callId: event.callId, err: error }, 'usage not kept beside the job either');
  }
}
