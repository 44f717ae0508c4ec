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
  readonly patienceMs?: number | undefined;
  /** Whether another deployment takes the call now: then this one is not waited for. */
  readonly hasRoomElsewhere?: (() => boolean) | undefined;
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

/** Whether a call has been noted, and so may have been sent. */
interface Begin {
  wasAllowed: boolean;
  failure: Error | null;
}

/** A call on its way. */
interface BegunCall {
  readonly begin: Readonly<Begin>;
  readonly mayBeSent: Promise<void>;
  /** Resolves when that has, or has been rejected. */
  readonly isSettled: Promise<void>;
}

/** Told when a call has its turn and when it has ended: in between there is something to finish. */
export interface CallWatch {
  callBegan(): void;
  callEnded(): void;
}

/** Books a call that another one follows. */
type BookCut = (end: CallEnd, made: MadeCall) => Promise<void>;

/** A job that is to be answered by calls. */
export interface JobToTry {
  readonly delivery: JobDelivery;
  readonly request: OpenedRequest;
  readonly writer: Pick<AnswerWriter, 'write'>;
  readonly standing: Standing;
  readonly queueMs: number;
  readonly watch: CallWatch | null;
}

/**
 * Makes calls under the numbers of one job. Each is in the journal before it is sent. One that may have been billed
 * is booked by `bookCut` before another is made, and the other reserved for anew.
 */
export function createCallSeries(job: JobToTry, deps: JobDeps, signal: AbortSignal, bookCut: BookCut): CallSeries {
  return new JobCalls(job, deps, signal, bookCut);
}

class JobCalls implements CallSeries {
  readonly #job: JobToTry;
  readonly #deps: JobDeps;
  readonly #signal: AbortSignal;
  readonly #bookCut: BookCut;
  #standing: Standing;
  #outputTokensCap: number;

  constructor(job: JobToTry, deps: JobDeps, signal: AbortSignal, bookCut: BookCut) {
    this.#job = job;
    this.#deps = deps;
    this.#signal = signal;
    this.#bookCut = bookCut;
    this.#standing = job.standing;
    this.#outputTokensCap = job.delivery.job.outputTokensCap;
  }

  get standing(): Standing {
    return this.#standing;
  }

  async make(plan: CallPlan): Promise<CallOutcome> {
    const refusal = this.#standing.reserved ? null : await this.#reserve(plan);
    if (refusal) return { type: 'refused', error: refusal };
    const stoppedBefore = stopReasonOf(this.#signal);
    if (stoppedBefore) return { type: 'stopped', why: stoppedBefore };
    const { call } = this.#standing;
    const made = { ...plan, call, outputTokensCap: this.#outputTokensCap };
    if (plan.mockText !== undefined) return this.#answerMocked(made);
    const entry = await this.#enter(plan);
    if (entry.type === 'stopped') return { type: 'stopped', why: stopReasonOf(this.#signal) ?? 'deadline' };
    if (entry.type === 'room-elsewhere') return entry;
    if (entry.type === 'too-late') return { type: 'no-turn', retryAfterSeconds: entry.retryAfterSeconds };
    using permit = entry.permit;
    const { begin, mayBeSent, isSettled } = this.#beginCall(made);
    const end = await this.#callOnce(made, mayBeSent, permit);
    // A provider that refused by itself did not wait for it, and what is noted next must come after it.
    await isSettled;
    if (begin.failure) throw begin.failure;
    if (end.stopped && !begin.wasAllowed) return { type: 'stopped', why: end.stopped };
    if (end.type !== 'failed' || end.hasContent) return { type: 'ended', end, made };
    if (end.mayBeBilled) {
      await this.#bookCut(end, made);
      this.#standing = { call: call + 1, reserved: false };
    } else {
      await this.#job.delivery.journal(writeJournalLine({ type: 'refused', call }));
    }
    const error = end.error ?? new ProviderError('internal', 'Internal error.', { status: 500, mayBeBilled: true });
    return { type: 'failed', error, mayBeBilled: end.mayBeBilled };
  }

  /** @returns why there is no money; null: there is, or the job is stopped and needs none */
  async #reserve({ request }: CallPlan): Promise<GatewayError | null> {
    const choices = request.kind === 'chat' ? (request.body.n ?? 1) : 1;
    const { call } = this.#standing;
    try {
      const asked = { call, choices };
      const { outputTokensCap } = await reserveAgain(this.#job.delivery.job, asked, this.#deps, this.#signal);
      this.#outputTokensCap = outputTokensCap;
      this.#standing = { call, reserved: true };
      return null;
    } catch (error) {
      if (this.#signal.aborted) return null;
      return error instanceof GatewayError ? error : new GatewayError('internal', 'Internal error.', { cause: error });
    }
  }

  /** Waits until the deployment takes one more call. */
  #enter({ deployment, inputTokens, patienceMs, hasRoomElsewhere }: CallPlan): Promise<FlowAnswer> {
    const { job } = this.#job.delivery;
    const { admittedAt: since, deadlineAt } = job;
    const tokensEstimate = inputTokens + this.#outputTokensCap;
    const call = { lane: laneOfJob(job), tokensEstimate, since, deadlineAt, patienceMs, hasRoomElsewhere };
    return this.#deps.flow.enter(deployment, call, this.#signal);
  }

  /**
   * Not in the journal, and nothing is learnt from it: whoever takes over makes the same answer again, under the same
   * number, and the books take it once.
   */
  async #answerMocked(made: MadeCall): Promise<CallOutcome> {
    const { request, deployment, mockText = '' } = made;
    const n = request.kind === 'chat' ? (request.body.n ?? Number(deployment.defaultParams['n'] ?? 1)) : 1;
    const answer = mockAnswer(mockText, { choices: n, outputTokensCap: made.outputTokensCap });
    const end = await relay(answer, this.#startOf(made), { signal: this.#signal, now: this.#deps.now });
    return { type: 'ended', end, made };
  }

  /** What the start of the answer tells. */
  #startOf({ deployment, retries, maxRetries, fallbacks, fallbackErrors }: MadeCall) {
    const { writer, queueMs } = this.#job;
    const { maxFallbacks } = this.#deps.config.router;
    const tries = { retries, maxRetries, fallbacks, maxFallbacks, ...(fallbackErrors && { fallbackErrors }) };
    return { writer, deployment, tries, queueMs };
  }

  /** Known to whoever takes over before the provider can know of the call; unless there is no time left to make it. */
  #beginCall({ call, deployment, outputTokensCap }: MadeCall): BegunCall {
    const { alias, id: deploymentId } = deployment;
    const startedAt = this.#deps.now();
    const line = writeJournalLine({ type: 'call', call, alias, deploymentId, outputTokensCap, startedAt });
    const begin: Begin = { wasAllowed: false, failure: null };
    const mayBeSent = this.#allow(begin, line);
    // A provider that refuses by itself never looks at it.
    return { begin, mayBeSent, isSettled: mayBeSent.catch(() => undefined) };
  }

  async #allow(begin: Begin, line: string): Promise<void> {
    try {
      await this.#note(line);
    } catch (cause) {
      begin.failure = new Error('the call could not be noted', { cause });
      throw begin.failure;
    }
    this.#signal.throwIfAborted();
    begin.wasAllowed = true;
  }

  /** A reply that comes late says nothing of who has the job by now. */
  async #note(line: string): Promise<void> {
    for (let tries = 0; tries < notesMax; tries += 1) {
      const sentAt = performance.now();
      await this.#job.delivery.journal(line);
      if (this.#signal.aborted || performance.now() - sentAt < journalHoldsMs) return;
    }
    throw new Error(`the queue takes longer than ${journalHoldsMs} ms`);
  }

  /** The call itself, and what choosing between deployments learns from it. */
  async #callOnce(made: MadeCall, mayBeSent: Promise<void>, permit: Permit): Promise<CallEnd> {
    const { deployment, request } = made;
    const { delivery, watch } = this.#job;
    const { stream, requestId } = delivery.job;
    const { now, stats, metrics, log } = this.#deps;
    const startedAt = now();
    const leave = stats.begin(deployment.id);
    watch?.callBegan();
    try {
      const call = startCall(made, { job: delivery.job, mayBeSent }, this.#deps, this.#signal);
      const end = await relay(call, this.#startOf(made), { signal: this.#signal, now });
      const endedAt = now();
      permit.leave(callOutcomeOf(end, { isChat: request.kind === 'chat', stream, startedAt, endedAt }), tokensOf(end));
      const { inputTokens = 0, outputTokens = 0 } = end.meter.provided ?? {};
      leave({
        stream,
        latencyMs: (stream ? (end.firstTokenAt ?? endedAt) : endedAt) - startedAt,
        tokens: inputTokens + outputTokens,
        outputTokens,
        measured: end.type === 'completed' || (end.error !== null && timeouts.includes(end.error.code)),
      });
      const { alias, model } = deployment;
      const code = end.error?.code ?? end.stopped ?? '';
      metrics.call({ alias, model, outcome: end.type, code }, (endedAt - startedAt) / 1_000);
      if (end.firstTokenAt !== null) metrics.firstToken({ alias, model }, (end.firstTokenAt - startedAt) / 1_000);
      if (end.error && !(end.error.code in errorCatalog && end.error.code.startsWith('provider_'))) {
        log.warn({ requestId, err: end.error }, 'call failed');
      }
      return end;
    } finally {
      watch?.callEnded();
    }
  }
}
