import { queueOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { expectedWaitMs } from '@sluice/shared/ports/fair-share.ts';
import type { FairShare, Outlook, PlaceRequest } from '@sluice/shared/ports/fair-share.ts';
import { withTimeLimit } from '@sluice/shared/time-limit.ts';
import type { NewJob } from './dispatch.ts';

/** The line that a request waits in for a worker. */
export interface Line {
  /**
   * Refuses a request whose turn will not come before its deadline: better at once than when it has waited. Asks
   * nobody while the queue is known to be empty.
   *
   * @throws GatewayError wait_too_long, queue_full
   */
  requireTurn(job: NewJob): Promise<void>;
  /** Gives a queued job its place. Never fails: without it, the job is the last in its queue. */
  place(job: NewJob): Promise<void>;
  /** The job has left the line, and no worker had it: its team is charged nothing. Never fails. */
  leave(job: NewJob): Promise<void>;
}

/** An estimate is not worth more: with admission's own limit, a refusal still comes within a second. */
const patienceMs = 250;
/** Who cannot say is not asked again for so long. */
const restMs = 1_000;
/** An empty line is believed to be empty for this long. */
const emptyForMs = 1_000;
/** What was said of a flow's last job holds for its next one this long. */
const knownForMs = 100;
const knownMax = 1_000;
/** For a full queue of unknown speed. */
const retryAfterSeconds = 1;

export function createLine(deps: {
  readonly fairShare: Pick<FairShare, 'place' | 'outlook' | 'correct'>;
  /** Jobs that one queue may hold. */
  readonly maxQueued: number;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}): Line {
  const { fairShare, maxQueued, log, now } = deps;
  /** By queue: when it was last seen empty. There are as many queues as the configuration names. */
  const emptyAt = new Map<string, number>();
  /** By queue and turn: what was said of the last such job, and when. The oldest are forgotten. */
  const known = new Map<string, { readonly outlook: Outlook; readonly at: number }>();
  /** By queue and turn: what is being asked. Requests that come together share the answer. */
  const asking = new Map<string, Promise<Outlook>>();
  let failedAt = 0;

  return {
    async requireTurn(job) {
      const request = requestOf(job);
      if (!request || now() - (emptyAt.get(request.queue) ?? 0) < emptyForMs || now() - failedAt < restMs) return;
      const key = turnKey(request);
      const last = known.get(key);
      if (last && now() - last.at < knownForMs) return refuse(last.outlook, job);
      let outlook: Outlook;
      try {
        outlook = await (asking.get(key) ?? ask(key, request));
      } catch (error) {
        failedAt = now();
        // Whether the queue is there is for the queue to say.
        log.warn({ requestId: job.requestId, err: error }, 'wait not estimated');
        return;
      }
      refuse(outlook, job);
    },
    async place(job) {
      const request = requestOf(job);
      if (!request) return;
      try {
        learn(request, await fairShare.place(request));
      } catch (error) {
        log.warn({ requestId: job.requestId, err: error }, 'job not placed; it is the last in its queue');
      }
    },
    async leave(job) {
      const request = requestOf(job);
      if (!request) return;
      try {
        await fairShare.correct({ ...request, inputTokens: 0, outputTokens: 0, outcome: 'withdrawn' });
      } catch (error) {
        log.warn({ requestId: job.requestId, err: error }, 'team not refunded for a job that never ran');
      }
    },
  };

  function ask(key: string, request: PlaceRequest): Promise<Outlook> {
    const answer = withTimeLimit('queue', patienceMs, fairShare.outlook(request))
      .then((outlook) => {
        learn(request, outlook);
        return outlook;
      })
      .finally(() => asking.delete(key));
    asking.set(key, answer);
    return answer;
  }

  function learn(request: PlaceRequest, outlook: Outlook): void {
    const { queue } = request;
    if (outlook.waiting === 0) emptyAt.set(queue, now());
    else emptyAt.delete(queue);
    const key = turnKey(request);
    known.delete(key);
    known.set(key, { outlook, at: now() });
    const [oldest] = known.keys();
    if (known.size > knownMax && oldest !== undefined) known.delete(oldest);
  }

  function turnKey({ queue, turn }: PlaceRequest): string {
    return `${queue}\n${turn.priority}\n${turn.flow}`;
  }

  function refuse(outlook: Outlook, { alias, deadlineAt }: NewJob): void {
    const waitMs = expectedWaitMs(outlook);
    const leftMs = deadlineAt - now();
    const wait = waitMs === null ? 'unknown' : `${Math.ceil(waitMs / 1_000)} s`;
    if (waitMs !== null && waitMs > leftMs) {
      const message = `The queue of model=${alias} is too long: the estimated wait is ${wait}, and the request's timeout ${Math.ceil(leftMs / 1_000)} s. ${outlook.ahead} requests go before it.`;
      throw new GatewayError('wait_too_long', message, {
        retryAfterSeconds: Math.max(1, Math.ceil((waitMs - leftMs) / 1_000)),
      });
    }
    if (outlook.waiting >= maxQueued) {
      const message = `The queue of model=${alias} is full: ${outlook.waiting} requests wait, estimated wait: ${wait}.`;
      throw new GatewayError('queue_full', message, { retryAfterSeconds });
    }
  }

  function requestOf(job: NewJob): PlaceRequest | null {
    const { turn, requestId, inputTokensEstimate, outputTokensCap, deadlineAt } = job;
    if (!turn) return null;
    const queue = queueOfJob(job);
    const expected = { inputTokens: inputTokensEstimate, outputTokensCap };
    return { queue, requestId, turn, ...expected, now: now(), expiresAt: deadlineAt };
  }
}
