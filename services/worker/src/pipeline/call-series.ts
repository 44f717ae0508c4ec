import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { laneOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import type { FallbackError } from '@sluice/shared/contracts/token-event.ts';
import { errorCatalog, GatewayError } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { journalHoldsMs } from '@sluice/shared/ports/job-queue.ts';
import type { JobDelivery } from '@sluice/shared/ports/job-queue.ts';
import { callOutcomeOf, tokensOf } from '../flow/call-outcome.ts';
import type { FlowAnswer, Permit } from '../flow/flow.ts';
import { ProviderError } from '../providers/provider.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { stopReasonOf } from './job-context.ts';
import type { JobDeps, StopReason } from './job-context.ts';
import { writeJournalLine } from './journal.ts';
import { mockAnswer } from './mock-answer.ts';
import type { OpenedRequest } from './open-request.ts';
import { relay } from './relay.ts';
import type { CallEnd } from './relay.ts';
import { reserveAgain } from './reserve-again.ts';
import { startCall } from './start-call.ts';

/** Of one call. A queue that is slow three times is as good as away. */
const notesMax = 3;

/** What is so slow says how slow it is. */
const timeouts: readonly ErrorCode[] = ['provider_timeout', 'provider_gateway_timeout'];

/** The number of the call to make next, and whether money is reserved for it. */
export interface Standing {
  readonly call: number;
  readonly reserved: boolean;
}

/** What is to be called, and as which of the tries. */
export interface CallPlan {
  readonly deployment: Deployment;
  readonly request: OpenedRequest;
  /** Tokens, as estimated. */
  readonly inputTokens: number;
  /** Calls of the same alias before this one. */
  readonly retries: number;
  /** Fallbacks that were tried up to here, this one included. */
  readonly fallbacks: number;
  /** How many retries this alias may have. */
  readonly maxRetries: number;
  /** What failed before, for a client that asks. */
  readonly fallbackErrors?: readonly FallbackError[];
  /** The answer that no provider gives: nothing is called. */
  readonly mockText?: string;
  /** A deployment that takes no calls for longer is not waited for: there is something else to try. */
  readonly patienceMs?: number;
  /** Whether another deployment takes the call now: then this one is not waited for. */
  readonly hasRoomElsewhere?: () => boolean;
}

/** One call as it was made. */
export interface MadeCall extends CallPlan {
  readonly call: number;
  readonly outputTokensCap: number;
}

export type CallOutcome =
  /** It completed, or ended in a way that must not be repeated. Its usage is not stored yet. */
  | { readonly type: 'ended'; readonly end: CallEnd; readonly made: MadeCall }
  /** The client has seen nothing of it; what it may have cost is booked. */
  | { readonly type: 'failed'; readonly error: ProviderError; readonly mayBeBilled: boolean }
  /** No call is open: its turn would not have come in time. `retryAfterSeconds`: when it may. */
  | { readonly type: 'no-turn'; readonly retryAfterSeconds: number }
  /** No call is open: another deployment has come to have room. */
  | { readonly type: 'room-elsewhere' }
  /** No call is open: there is no money for it. */
  | { readonly type: 'refused'; readonly error: GatewayError }
  /** No call is open: the job was stopped before this one. */
  | { readonly type: 'stopped'; readonly why: StopReason };

/** The calls of one job, one after another. */
export interface CallSeries {
  /** What the next call would stand on. */
  readonly standing: Standing;
  make(plan: CallPlan): Promise<CallOutcome>;
}

/** A call on its way: whether it has been noted, and so may have been sent. */
interface Begin {
  readonly mayBeSent: Promise<void>;
  readonly wasAllowed: boolean;
  readonly failure: Error | null;
}

/** A job that is to be answered by calls. */
export interface JobToTry {
  readonly delivery: JobDelivery;
  readonly request: OpenedRequest;
  readonly writer: Pick<AnswerWriter, 'write'>;
  readonly standing: Standing;
  readonly queueMs: number;
}

/**
 * Makes calls under the numbers of one job. Each is in the journal before it is sent. One that may have been billed
 * is booked by `bookCut` before another is made, and the other reserved for anew.
 */
export function createCallSeries(
  job: JobToTry,
  deps: JobDeps,
  signal: AbortSignal,
  bookCut: (end: CallEnd, made: MadeCall) => Promise<void>,
): CallSeries {
  const { delivery, writer } = job;
  let { standing } = job;
  let { outputTokensCap } = delivery.job;

  return {
    get standing() {
      return standing;
    },
    async make(plan) {
      const refusal = standing.reserved ? null : await reserve(plan);
      if (refusal) return { type: 'refused', error: refusal };
      const stoppedBefore = stopReasonOf(signal);
      if (stoppedBefore) return { type: 'stopped', why: stoppedBefore };
      if (plan.mockText !== undefined) return answerMocked({ ...plan, call: standing.call, outputTokensCap });
      const entry = await enter(plan);
      if (entry.type === 'stopped') return { type: 'stopped', why: stopReasonOf(signal) ?? 'deadline' };
      if (entry.type === 'room-elsewhere') return entry;
      if (entry.type === 'too-late') return { type: 'no-turn', retryAfterSeconds: entry.retryAfterSeconds };
      using permit = entry.permit;
      const made = { ...plan, call: standing.call, outputTokensCap };
      const begin = beginCall(made);
      const end = await callOnce(made, begin.mayBeSent, permit);
      // A provider that refused by itself did not wait for it, and what is noted next must come after it.
      await begin.mayBeSent.catch(() => undefined);
      if (begin.failure) throw begin.failure;
      if (end.stopped && !begin.wasAllowed) return { type: 'stopped', why: end.stopped };
      if (end.type !== 'failed' || end.hasContent) return { type: 'ended', end, made };
      if (end.mayBeBilled) {
        await bookCut(end, made);
        standing = { call: standing.call + 1, reserved: false };
      } else {
        await delivery.journal(writeJournalLine({ type: 'refused', call: made.call }));
      }
      const error = end.error ?? new ProviderError('internal', 'Internal error.', { status: 500, mayBeBilled: true });
      return { type: 'failed', error, mayBeBilled: end.mayBeBilled };
    },
  };

  /** @returns why there is no money; null: there is, or the job is stopped and needs none */
  async function reserve({ request }: CallPlan): Promise<GatewayError | null> {
    const choices = request.kind === 'chat' ? (request.body.n ?? 1) : 1;
    try {
      ({ outputTokensCap } = await reserveAgain(delivery.job, { call: standing.call, choices }, deps, signal));
      standing = { call: standing.call, reserved: true };
      return null;
    } catch (error) {
      if (signal.aborted) return null;
      return error instanceof GatewayError ? error : new GatewayError('internal', 'Internal error.', { cause: error });
    }
  }

  /** Waits until the deployment takes one more call. */
  function enter({ deployment, inputTokens, patienceMs, hasRoomElsewhere }: CallPlan): Promise<FlowAnswer> {
    const { admittedAt: since, deadlineAt } = delivery.job;
    const call = { lane: laneOfJob(delivery.job), tokensEstimate: inputTokens + outputTokensCap, since, deadlineAt };
    const giveWay = {
      ...(patienceMs !== undefined && { patienceMs }),
      ...(hasRoomElsewhere && { hasRoomElsewhere }),
    };
    return deps.flow.enter(deployment, { ...call, ...giveWay }, signal);
  }

  /**
   * Not in the journal, and nothing is learnt from it: whoever takes over makes the same answer again, under the same
   * number, and the books take it once.
   */
  async function answerMocked(made: MadeCall): Promise<CallOutcome> {
    const { request, deployment, mockText = '' } = made;
    const n = request.kind === 'chat' ? (request.body.n ?? Number(deployment.defaultParams['n'] ?? 1)) : 1;
    const answer = mockAnswer(mockText, { choices: n, outputTokensCap: made.outputTokensCap });
    const end = await relay(answer, startOf(made), { signal, now: deps.now });
    return { type: 'ended', end, made };
  }

  /** What the start of the answer tells. */
  function startOf({ deployment, retries, maxRetries, fallbacks, fallbackErrors }: MadeCall) {
    const { maxFallbacks } = deps.config.router;
    const tries = { retries, maxRetries, fallbacks, maxFallbacks, ...(fallbackErrors && { fallbackErrors }) };
    return { writer, deployment, tries, queueMs: job.queueMs };
  }

  /** Known to whoever takes over before the provider can know of the call; unless there is no time left to make it. */
  function beginCall({ call, deployment, outputTokensCap: cap }: MadeCall): Begin {
    const line = { call, alias: deployment.alias, deploymentId: deployment.id, startedAt: deps.now() };
    const text = writeJournalLine({ type: 'call', ...line, outputTokensCap: cap });
    const noted = note();
    const begin = { mayBeSent: allow(), wasAllowed: false, failure: null as Error | null };
    begin.mayBeSent.catch(() => undefined); // a provider that refuses by itself never looks at it
    return begin;

    /** A reply that comes late says nothing of who has the job by now. */
    async function note(): Promise<void> {
      for (let tries = 0; tries < notesMax; tries += 1) {
        const sentAt = performance.now();
        await delivery.journal(text);
        if (signal.aborted || performance.now() - sentAt < journalHoldsMs) return;
      }
      throw new Error(`the queue takes longer than ${journalHoldsMs} ms`);
    }

    async function allow(): Promise<void> {
      try {
        await noted;
      } catch (cause) {
        begin.failure = new Error('the call could not be noted', { cause });
        throw begin.failure;
      }
      signal.throwIfAborted();
      begin.wasAllowed = true;
    }
  }

  /** The call itself, and what choosing between deployments learns from it. */
  async function callOnce(made: MadeCall, mayBeSent: Promise<void>, permit: Permit): Promise<CallEnd> {
    const { deployment, request } = made;
    const { stream, requestId } = delivery.job;
    const startedAt = deps.now();
    const leave = deps.stats.begin(deployment.id);
    const call = startCall({ ...made, job: delivery.job, request, mayBeSent }, deps, signal);
    const end = await relay(call, startOf(made), { signal, now: deps.now });
    const endedAt = deps.now();
    permit.leave(callOutcomeOf(end, { isChat: request.kind === 'chat', stream, startedAt, endedAt }), tokensOf(end));
    const { inputTokens = 0, outputTokens = 0 } = end.meter.provided ?? {};
    leave({
      stream,
      latencyMs: (stream ? (end.firstTokenAt ?? endedAt) : endedAt) - startedAt,
      tokens: inputTokens + outputTokens,
      outputTokens,
      measured: end.type === 'completed' || (end.error !== null && timeouts.includes(end.error.code)),
    });
    const labels = { alias: deployment.alias, model: deployment.model };
    const code = end.error?.code ?? end.stopped ?? '';
    deps.metrics.call({ ...labels, outcome: end.type, code }, (endedAt - startedAt) / 1_000);
    if (end.firstTokenAt !== null) deps.metrics.firstToken(labels, (end.firstTokenAt - startedAt) / 1_000);
    if (end.error && !(end.error.code in errorCatalog && end.error.code.startsWith('provider_'))) {
      deps.log.warn({ requestId, err: end.error }, 'call failed');
    }
    return end;
  }
}
