import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { queueOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import { unbilledUsageEvent } from '@sluice/shared/contracts/unbilled-usage-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { inlineBodyBytesMax } from '@sluice/shared/ports/body-store.ts';
import type { BodyStore } from '@sluice/shared/ports/body-store.ts';
import type { JobQueue } from '@sluice/shared/ports/job-queue.ts';
import type { Inbox, TokenBus } from '@sluice/shared/ports/token-bus.ts';
import type { UsageLog } from '@sluice/shared/ports/usage-log.ts';
import type { Claim } from '../idempotency/claim.ts';
import type { LostAnswers } from './lost-answers.ts';
import { openAnswer } from '../stream/open-answer.ts';
import type { AnswerBatch } from '../stream/open-answer.ts';
import type { Line } from './line.ts';

export interface DispatchDeps {
  readonly lostAnswers: Pick<LostAnswers, 'watch'>;
  readonly queue: JobQueue;
  readonly line: Pick<Line, 'place' | 'leave'>;
  readonly bus: TokenBus;
  readonly inbox: Inbox;
  readonly bodies: BodyStore;
  readonly usage: UsageLog;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * An answer on its way. Disposing it before its end takes the request back: nobody waits for it any more. One with an
 * idempotency key goes on until its deadline, since a retry will ask for its answer.
 */
export interface Answer extends AsyncIterable<AnswerBatch>, AsyncDisposable {}

/** A job as admission made it, before anybody knows where its body will lie and where its answer goes. */
export type NewJob = Omit<InferenceJob, 'body' | 'replyTo'>;

/**
 * @param claim of a job that came with an idempotency key; it says at the last moment whether the job may run
 * @throws PerhapsQueuedError when the queue does not answer; any other error: the job is not queued
 */
export type Dispatch = (job: NewJob, body: string, claim?: QueueClaim) => Promise<Answer>;

type QueueClaim = Pick<Claim, 'scope' | 'queue' | 'forget'>;

/**
 * The queue has not answered: nobody knows whether the job will run. What is reserved for it stays so until the job is
 * taken back, the books know what it cost, or the reservation expires: room that is given away twice is overspent.
 */
export class PerhapsQueuedError extends GatewayError {
  constructor(cause: unknown) {
    const known = cause instanceof GatewayError ? cause : new GatewayError('internal', 'Internal error.', { cause });
    super(known.code, known.message, { retryAfterSeconds: known.retryAfterSeconds ?? undefined, cause });
  }
}

/** Listens for the answer first, then queues the job, so that no frame can be missed. */
export function createDispatch(deps: DispatchDeps): Dispatch {
  return async (newJob, body, claim) => {
    if (!deps.bus.isLive()) throw busAway();
    const answer = openAnswer(deps.inbox, newJob, deps.now);
    const job: InferenceJob = {
      ...newJob,
      replyTo: deps.inbox.address,
      body: { inline: body },
      ...(claim && { keepAnswerAs: claim.scope }),
    };
    let mayBeQueued = false;
    try {
      if (Buffer.byteLength(body) > inlineBodyBytesMax) {
        job.body = { claim: await deps.bodies.put(job.requestId, body, job.deadlineAt) };
      }
      await claim?.queue(job.deadlineAt);
      mayBeQueued = true;
      await deps.queue.enqueue(job);
      // It waits already, so nobody waits for this.
      void deps.line.place(job);
    } catch (error) {
      answer[Symbol.dispose]();
      // It may have been queued all the same, with only the reply lost: take it back without keeping the client.
      void takeBack(job, claim, { mayWait: true });
      throw mayBeQueued ? new PerhapsQueuedError(error) : error;
    }
    const watched = deps.lostAnswers.watch(job, answer);
    let leaving: Promise<void> | null = null;
    return {
      [Symbol.asyncIterator]: () => answer[Symbol.asyncIterator](),
      // A client that leaves disposes it at once, and the route once more on its way out.
      [Symbol.asyncDispose]: () => (leaving ??= leave()),
    };

    async function leave(): Promise<void> {
      const { finished, begun } = answer;
      watched[Symbol.dispose]();
      answer[Symbol.dispose]();
      const isKept = claim !== undefined && deps.now() < job.deadlineAt;
      if (!finished && !isKept) await takeBack(job, claim, { mayWait: !begun });
    }
  };

  /** Tells the workers, takes the job out of the line if none has it, and then closes its reservation. */
  async function takeBack(
    job: InferenceJob,
    claim: QueueClaim | undefined,
    { mayWait }: { mayWait: boolean },
  ): Promise<void> {
    try {
      // Of many clients that leave together, all calls are stopped before the queue is asked about any.
      await deps.bus.cancel(job.requestId);
      if (!mayWait || !(await deps.queue.withdraw(queueOfJob(job), job.requestId))) return;
      void deps.line.leave(job);
      await giveBack(job);
      await claim?.forget();
    } catch (error) {
      deps.log.warn({ requestId: job.requestId, err: error }, 'request not taken back; its deadline ends it');
    }
  }

  /** No worker will ever see the job: its reservation is closed here. */
  async function giveBack(job: InferenceJob): Promise<void> {
    const at = { call: 1, attempt: 0, startedAt: job.admittedAt, endedAt: deps.now() };
    const message = 'The client left before a worker began.';
    await deps.usage.append(unbilledUsageEvent(job, at, { code: 'client_gone', status: 499, message }));
  }
}

/** Refused before it is queued: an answer that cannot come back would be paid for all the same. */
function busAway(): GatewayError {
  const message = "The gateway's bus is not available. Try again in a moment.";
  return new GatewayError('dependency_unavailable', message, { retryAfterSeconds: 1 });
}
