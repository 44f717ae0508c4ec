import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { queueOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import { unbilledUsageEvent } from '@sluice/shared/contracts/unbilled-usage-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
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

/** The answer of a job that was queued. It can be taken back too where leaving would let it go on. */
export interface QueuedAnswer extends Answer {
  /**
   * Takes the job out of the queue if no worker has it. The answer then ends with `stream_interrupted`. A worker that
   * has it makes no call for it that has not begun, and if none has, closes it likewise.
   *
   * @returns true: it will never run, its reservation is closed and its idempotency key is free. false: a worker has
   *   or had it, and the answer's end still comes
   * @throws when a dependency is away; asked again, it goes on where it stopped
   */
  withdraw(): Promise<boolean>;
  /**
   * Stops it as if its client had left: a job that waits is withdrawn, a call that runs is booked as far as it came,
   * or goes on with `on_client_gone: finish`. What may have been billed stays under its idempotency key, and a retry
   * gets it; what was not frees the key. The answer's end still comes. Never fails, and may be asked again.
   */
  cancel(): Promise<void>;
}

/** A job as admission made it, before anybody knows where its body will lie and where its answer goes. */
export type NewJob = Omit<InferenceJob, 'body' | 'replyTo'>;

/**
 * @param claim of a job that came with an idempotency key; it says at the last moment whether the job may run
 * @throws PerhapsQueuedError when the queue does not answer; any other error: the job is not queued
 */
export type Dispatch = (job: NewJob, body: string, claim?: QueueClaim) => Promise<QueuedAnswer>;

const neverBegan = 'The client left before a worker began.';

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
    // With its body it is the queue's: nothing here keeps it once it is there.
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
      void deps.line.place(newJob);
    } catch (error) {
      answer[Symbol.dispose]();
      // It may have been queued all the same, with only the reply lost: take it back without keeping the client.
      void takeBack(newJob.requestId, withdrawal(newJob, claim));
      throw mayBeQueued ? new PerhapsQueuedError(error) : error;
    }
    const watched = deps.lostAnswers.watch(newJob, answer);
    const withdraw = withdrawal(newJob, claim, () => {
      watched[Symbol.dispose]();
      answer.fail('stream_interrupted', neverBegan);
    });
    // An answer that has begun is with a worker: the queue need not be asked.
    const stop = () => takeBack(newJob.requestId, async () => answer.begun || (await withdraw()));
    let leaving: Promise<void> | null = null;
    return {
      [Symbol.asyncIterator]: () => answer[Symbol.asyncIterator](),
      async withdraw() {
        if (await withdraw()) return true;
        if (!answer.finished) await deps.bus.cancel(newJob.requestId, { unlessCalled: true });
        return false;
      },
      cancel: async () => {
        if (!answer.finished) await stop();
      },
      // A client that leaves disposes it at once, and the route once more on its way out.
      [Symbol.asyncDispose]: () => (leaving ??= leave()),
    };

    async function leave(): Promise<void> {
      const { finished } = answer;
      watched[Symbol.dispose]();
      answer[Symbol.dispose]();
      const isKept = claim !== undefined && deps.now() < newJob.deadlineAt;
      if (!finished && !isKept) await stop();
    }
  };

  /** Tells the workers, and takes the job out of the queue if none has it. */
  async function takeBack(requestId: RequestId, withdraw: () => Promise<unknown>): Promise<void> {
    try {
      // Of many clients that leave together, all calls are stopped before the queue is asked about any.
      await deps.bus.cancel(requestId);
      await withdraw();
    } catch (error) {
      deps.log.warn({ requestId, err: error }, 'request not taken back; its deadline ends it');
    }
  }

  /** Takes the job out of the queue once, and then closes what stands open for it, until that has been done. */
  function withdrawal(
    job: NewJob,
    claim: QueueClaim | undefined,
    onWithdrawn: () => void = () => {},
  ): () => Promise<boolean> {
    let isOut = false;
    let closing: Promise<boolean> | null = null;
    return () => {
      closing ??= close().catch((error: unknown) => {
        closing = null;
        throw error;
      });
      return closing;
    };

    async function close(): Promise<boolean> {
      if (!isOut) {
        if (!(await deps.queue.withdraw(queueOfJob(job), job.requestId))) return false;
        isOut = true;
        void deps.line.leave(job);
      }
      await giveBack(job);
      await claim?.forget();
      onWithdrawn();
      return true;
    }
  }

  /** No worker will ever see the job: its reservation is closed here. */
  async function giveBack(job: NewJob): Promise<void> {
    const at = { call: 1, attempt: 0, startedAt: job.admittedAt, endedAt: deps.now() };
    const failure = { code: 'client_gone', status: 499, message: neverBegan };
    await deps.usage.append(unbilledUsageEvent(job, at, failure));
  }
}

/** Refused before it is queued: an answer that cannot come back would be paid for all the same. */
function busAway(): GatewayError {
  const message = "The gateway's bus is not available. Try again in a moment.";
  return new GatewayError('dependency_unavailable', message, { retryAfterSeconds: 1 });
}
