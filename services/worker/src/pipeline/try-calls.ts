import type { Alias, Deployment } from '@sluice/shared/config/gateway-config.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { errorCatalog, GatewayError } from '@sluice/shared/errors.ts';
import type { JobDelivery } from '@sluice/shared/ports/job-queue.ts';
import { callOutcomeOf, isThrottle, tokensOf } from '../flow/call-outcome.ts';
import type { Permit } from '../flow/flow.ts';
import { ProviderError } from '../providers/provider.ts';
import { chooseDeployment } from '../routing/choose-deployment.ts';
import { isRetryable, retryPauseMs } from '../routing/retry-pause.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { stopReasonOf } from './job-context.ts';
import type { JobDeps, StopReason } from './job-context.ts';
import { writeJournalLine } from './journal.ts';
import type { OpenedRequest } from './open-request.ts';
import { relay } from './relay.ts';
import type { CallEnd } from './relay.ts';
import { reserveAgain } from './reserve-again.ts';
import { startCall } from './start-call.ts';

/** The number of the call to make next, and whether money is reserved for it. */
export interface Standing {
  readonly call: number;
  readonly reserved: boolean;
}

/** One call as it was made. */
export interface MadeCall {
  readonly call: number;
  readonly deployment: Deployment;
  readonly outputTokensCap: number;
  readonly retries: number;
}

export type TryOutcome =
  /** A call completed, or it ended in a way that must not be repeated. Its usage is not stored yet. */
  | { readonly type: 'ended'; readonly end: CallEnd; readonly made: MadeCall }
  /** No call is open: every try failed. `deployment` is the last one tried. */
  | {
      readonly type: 'failed';
      readonly error: GatewayError | ProviderError;
      readonly standing: Standing;
      readonly deployment: Deployment | null;
    }
  /** No call is open: the job was stopped before one or between two. */
  | {
      readonly type: 'stopped';
      readonly why: StopReason;
      readonly standing: Standing;
      readonly deployment: Deployment | null;
    };

/** A request that is throttled so often ends, though its deadline is not over; the journal has two lines for each. */
const throttlesMax = 1_000;
/** Of many failures the latest: only the last of each alias is told. */
const failuresKept = 100;
/** With another alias to try, a closed deployment is waited for as long as the longest pause of a retry (contract §8.5). */
const patienceWithFallbackMs = 8_000;

/** A call on its way: whether it has been noted, and so may have been sent. */
interface Begin {
  readonly mayBeSent: Promise<void>;
  readonly wasAllowed: boolean;
  readonly failure: Error | null;
}

interface Failure {
  readonly error: ProviderError;
  readonly alias: string;
  readonly deployment: Deployment;
  readonly retries: number;
  readonly numRetries: number;
}

/**
 * Calls the alias's deployments until one answers: retries first, then the next alias of the chain, as contract §8.5
 * says. Never after the client has seen content. A call that may have been billed is booked by `bookCut` before
 * another is made, and the other reserved for anew.
 */
export async function tryCalls(
  job: {
    readonly delivery: JobDelivery;
    readonly request: OpenedRequest;
    readonly writer: Pick<AnswerWriter, 'write'>;
    readonly standing: Standing;
    readonly queueMs: number;
  },
  deps: JobDeps,
  signal: AbortSignal,
  bookCut: (end: CallEnd, made: MadeCall) => Promise<void>,
): Promise<TryOutcome> {
  const { delivery, request, writer } = job;
  const chain = [delivery.job.alias, ...delivery.job.fallbacks];
  const choices = request.kind === 'chat' ? (request.body.n ?? 1) : 1;
  let { standing } = job;
  let outputTokensCap = delivery.job.outputTokensCap;
  const failures: Failure[] = [];

  for (const [fallbacks, name] of chain.entries()) {
    const alias = resolveAlias(deps.config, name);
    if (!alias) continue; // the worker's configuration is older or newer than the ingress's
    const isLastAlias = !chain.slice(fallbacks + 1).some((later) => resolveAlias(deps.config, later));
    const tried = new Set<string>();
    let throttles = 0;
    const numRetries = retriesOf(alias, deps, delivery.job.numRetries);
    for (let retries = 0; ; retries += 1) {
      try {
        if (!standing.reserved) {
          ({ outputTokensCap } = await reserveAgain(delivery.job, { call: standing.call, choices }, deps, signal));
          standing = { call: standing.call, reserved: true };
        }
      } catch (error) {
        if (!signal.aborted) {
          return failed(
            error instanceof GatewayError ? error : new GatewayError('internal', 'Internal error.', { cause: error }),
          );
        }
      }
      const deployments = deps.flow.preferred(alias.deployments);
      const deployment = chooseDeployment({ ...alias, deployments }, tried, deps.random);
      const made = { call: standing.call, deployment, outputTokensCap, retries };
      const stoppedBefore = stopReasonOf(signal);
      if (stoppedBefore) return stopped(stoppedBefore);
      const entry = await deps.flow.enter(
        deployment,
        {
          tokensEstimate: delivery.job.inputTokensEstimate + outputTokensCap,
          since: delivery.job.admittedAt,
          deadlineAt: delivery.job.deadlineAt,
          ...(!isLastAlias && { patienceMs: patienceWithFallbackMs }),
        },
        signal,
      );
      if (entry.type === 'stopped') return stopped(stopReasonOf(signal) ?? 'deadline');
      if (entry.type === 'too-late') {
        const error = noTurn(
          deployment,
          entry,
          failures.findLast((each) => each.alias === name && isThrottle(each.error)),
        );
        failures.push({ error, alias: name, deployment, retries, numRetries });
        break;
      }
      using permit = entry.permit;
      tried.add(deployment.id);
      const begin = beginCall(made);
      const end = await callOnce(made, fallbacks, begin.mayBeSent, permit);
      // A provider that refused by itself did not wait for it, and what is noted next must come after it.
      await begin.mayBeSent.catch(() => undefined);
      if (begin.failure) throw begin.failure;
      if (end.stopped && !begin.wasAllowed) return stopped(end.stopped);
      if (end.type !== 'failed' || end.hasContent) return { type: 'ended', end, made };

      const error = end.error ?? new ProviderError('internal', 'Internal error.', { status: 500, mayBeBilled: true });
      failures.push({ error, alias: name, deployment, retries, numRetries });
      if (end.mayBeBilled) {
        await bookCut(end, made);
        standing = { call: standing.call + 1, reserved: false };
      } else {
        await delivery.journal(writeJournalLine({ type: 'refused', call: made.call }));
      }
      // Not a failed try: it waits for its turn, here or at another deployment, unless another alias is to be tried.
      if (isThrottle(error) && !end.mayBeBilled) {
        throttles += 1;
        if (throttles > (isLastAlias ? throttlesMax : numRetries)) break;
        tried.delete(deployment.id);
        failures.splice(0, failures.length - failuresKept);
        retries -= 1;
        continue;
      }
      if (!isRetryable(error, alias) || retries >= numRetries) break;
      const otherDeployment = alias.deployments.some(({ id }) => !tried.has(id));
      const waitMs = retryPauseMs(error, retries, {
        otherDeployment,
        retryAfterMs: deps.config.router.retryAfterMs,
        random: deps.random,
      });
      if (deps.now() + waitMs >= delivery.job.deadlineAt) break;
      await deps.pause(waitMs, signal);
    }
  }
  return failed(firstFailure());

  function stopped(why: StopReason): TryOutcome {
    return { type: 'stopped', why, standing, deployment: failures.at(-1)?.deployment ?? null };
  }

  function failed(error: GatewayError | ProviderError): TryOutcome {
    return { type: 'failed', error, standing, deployment: failures.at(-1)?.deployment ?? null };
  }

  /** The first alias's last error is what the client gets; the text says what else was tried. */
  function firstFailure(): GatewayError | ProviderError {
    const first = failures.findLast(({ alias }) => alias === failures[0]?.alias);
    if (!first) return new GatewayError('internal', 'Internal error.');
    const { error } = first;
    const others = delivery.job.fallbacks;
    const parts = [
      `${error.message} Received Model Group=${delivery.job.alias}`,
      `Available Model Group Fallbacks=${others.length > 0 ? `[${others.map((other) => `'${other}'`).join(', ')}]` : 'None'}`,
    ];
    if (first.retries > 0) {
      parts.push(`LiteLLM Retried: ${first.retries} times, LiteLLM Max Retries: ${first.numRetries}`);
    }
    for (const later of failures.filter(({ alias }) => alias !== first.alias)) {
      parts.push(`Error doing the fallback: ${later.alias}: ${later.error.message}`);
    }
    const { code, status, param, retryAfterSeconds, mayBeBilled, providerRequestId } = error;
    return new ProviderError(code, parts.join('\n'), {
      status,
      param,
      retryAfterSeconds,
      mayBeBilled,
      providerRequestId,
      cause: error,
    });
  }

  /** Known to whoever takes over before the provider can know of the call; unless there is no time left to make it. */
  function beginCall({ call, deployment, outputTokensCap: cap }: MadeCall): Begin {
    const line = { call, alias: deployment.alias, deploymentId: deployment.id, startedAt: deps.now() };
    const noted = delivery.journal(writeJournalLine({ type: 'call', ...line, outputTokensCap: cap }));
    const begin = { mayBeSent: allow(), wasAllowed: false, failure: null as Error | null };
    begin.mayBeSent.catch(() => undefined); // a provider that refuses by itself never looks at it
    return begin;

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

  async function callOnce(
    made: MadeCall,
    fallbacks: number,
    mayBeSent: Promise<void>,
    permit: Permit,
  ): Promise<CallEnd> {
    const { deployment } = made;
    const startedAt = deps.now();
    const onContent = () => {
      if (delivery.job.stream) noteContent(made.call);
    };
    const answer = { writer, deployment, retries: made.retries, fallbacks, queueMs: job.queueMs, onContent };
    const call = startCall({ ...made, job: delivery.job, request, mayBeSent }, deps, signal);
    const end = await relay(call, answer, { signal, now: deps.now });
    const times = { startedAt, endedAt: deps.now() };
    permit.leave(
      callOutcomeOf(end, { isChat: request.kind === 'chat', stream: delivery.job.stream, ...times }),
      tokensOf(end),
    );
    const labels = { alias: deployment.alias, model: deployment.model };
    const code = end.error?.code ?? end.stopped ?? '';
    deps.metrics.call({ ...labels, outcome: end.type, code }, (deps.now() - startedAt) / 1_000);
    if (end.firstTokenAt !== null) deps.metrics.firstToken(labels, (end.firstTokenAt - startedAt) / 1_000);
    if (end.error && !(end.error.code in errorCatalog && end.error.code.startsWith('provider_'))) {
      deps.log.warn({ requestId: delivery.job.requestId, err: end.error }, 'call failed');
    }
    return end;
  }

  /** Not waited for: should it be lost, whoever takes over makes a call whose answer the client is not shown. */
  function noteContent(call: number): void {
    delivery.journal(writeJournalLine({ type: 'content', call })).catch((error: unknown) => {
      deps.log.warn({ requestId: delivery.job.requestId, err: error }, 'begin of the answer not noted');
    });
  }
}

function noTurn(
  { model }: Deployment,
  { retryAfterSeconds }: { retryAfterSeconds: number },
  last?: Failure,
): ProviderError {
  const message =
    last?.error.message ??
    `litellm.RateLimitError: ${model} takes no more calls now, and this request's turn would not have come in time.`;
  return new ProviderError('provider_throttled', message, { status: 429, retryAfterSeconds, mayBeBilled: false });
}

function retriesOf(alias: Alias, deps: JobDeps, asked: number | undefined): number {
  return asked ?? alias.deployments[0]?.numRetries ?? deps.config.router.numRetries;
}
