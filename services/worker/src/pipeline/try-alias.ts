import type { Alias, Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { laneOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import type { FallbackError } from '@sluice/shared/contracts/token-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { isThrottle } from '../flow/call-outcome.ts';
import { ProviderError } from '../providers/provider.ts';
import { orderOf } from '../routing/candidates.ts';
import { chooseDeployment } from '../routing/choose-deployment.ts';
import { cooldownSettingsOf } from '../routing/cooldown-rules.ts';
import type { Mock, Mocks } from '../routing/mocks.ts';
import { retriesFor } from '../routing/retry-rules.ts';
import { retryPauseMs } from '../routing/retry-pause.ts';
import type { CallOutcome, CallPlan, CallSeries } from './call-series.ts';
import { stopReasonOf } from './job-context.ts';
import type { JobDeps } from './job-context.ts';
import { openDeployments } from './open-deployments.ts';
import { callTimeoutMs } from './start-call.ts';

/** The last error of a step: of an alias's deployments of one `order`, after all retries. */
export interface Failure {
  readonly alias: string;
  readonly error: GatewayError | ProviderError;
  readonly retries: number;
  readonly numRetries: number;
}

export type AliasOutcome =
  | Exclude<CallOutcome, Unfinished>
  /** At least one failure: one for each `order` that was tried, in turn. */
  | { readonly type: 'failed'; readonly failures: readonly Failure[] };

/** What another call comes after. */
interface Unfinished {
  readonly type: 'failed' | 'no-turn' | 'room-elsewhere';
}

/** What is asked of an alias, wherever it is called. */
export interface Wanted extends Pick<CallPlan, 'request' | 'inputTokens' | 'fallbacks'> {
  /** Whether another alias is to be tried if this one fails. */
  readonly hasFallback: boolean;
}

/** A request that is throttled so often ends, though its deadline is not over; the journal has two lines for each. */
const throttlesMax = 1_000;
/** With something else to try, a closed deployment is waited for as long as the longest pause of a retry (§8.5). */
const patienceMs = 8_000;

export interface Tries {
  readonly job: InferenceJob;
  readonly calls: CallSeries;
  readonly deps: JobDeps;
  readonly signal: AbortSignal;
  readonly mocks: Mocks;
  /** The failures so far, if the client asks what they were. */
  readonly fallbackErrors: () => readonly FallbackError[] | undefined;
  /** Told of each failure that another call may follow. */
  readonly onFailure: (failure: Failure) => void;
  /** Told of the deployment of each call before it is made. */
  readonly onDeployment: (deployment: Deployment) => void;
}

/**
 * Calls an alias's deployments until one answers: those of the lowest `order` first, with all their retries, then
 * those of the next (contract §8.5).
 */
export async function tryAlias(alias: Alias, what: Wanted, tries: Tries): Promise<AliasOutcome> {
  const failures: Failure[] = [];
  let above = -Infinity;
  for (;;) {
    const step = await tryStep(alias, what, above, tries);
    if (step.type !== 'failed') return step;
    failures.push(step.failure);
    tries.onFailure(step.failure);
    const { order } = step;
    const hasMore = order !== null && hasHigherOrder(alias, order);
    if (!hasMore || tries.job.fallbacksDisabled) return { type: 'failed', failures };
    above = order;
  }
}

type StepOutcome =
  | Exclude<CallOutcome, Unfinished>
  /** `order`: of the deployments that were called; null: none was. */
  | { readonly type: 'failed'; readonly failure: Failure; readonly order: number | null };

/** The lowest order above `above` that has a deployment to call, with its retries. */
async function tryStep(alias: Alias, what: Wanted, above: number, tries: Tries): Promise<StepOutcome> {
  const { job, calls, deps, signal, mocks } = tries;
  const tried = new Set<string>();
  const open = openDeployments(alias, { above, inputTokens: what.inputTokens }, job, deps);
  let candidates = open.find();
  if (candidates instanceof GatewayError) {
    return {
      type: 'failed',
      order: null,
      failure: { alias: alias.name, error: candidates, retries: 0, numRetries: 0 },
    };
  }
  let throttled: ProviderError | null = null;
  let throttles = 0;
  let maxRetries = 0;
  for (let retries = 0; ; retries += 1) {
    const deployment = choose(open.preferred(candidates, tried), what, tries);
    tries.onDeployment(deployment);
    const hasMore = what.hasFallback || (!job.fallbacksDisabled && hasHigherOrder(alias, orderOf(deployment)));
    const mock = mocks.ofCall(deployment);
    const outcome =
      mock === null || mock.type === 'answer'
        ? await calls.make(planFor(deployment, { retries, maxRetries, hasMore, mock }))
        : await failMocked(mock, deployment, tries);
    if (outcome.type === 'room-elsewhere') {
      candidates = findAgain(candidates);
      retries -= 1;
      continue;
    }
    tried.add(deployment.id);
    if (!mock) {
      const reported = report(outcome, deployment, alias, deps);
      if (reported) await reported;
    }
    if (outcome.type === 'no-turn') {
      const error = noTurn(deployment, outcome.retryAfterSeconds, throttled);
      const failure = { alias: alias.name, error, retries, numRetries: retries };
      return { type: 'failed', failure, order: orderOf(deployment) };
    }
    if (outcome.type !== 'failed') return outcome;

    const { error } = outcome;
    // Not a failed try: it waits for its turn, here or at another deployment.
    if (isThrottle(error) && !outcome.mayBeBilled && !mock) {
      throttled = error;
      throttles += 1;
      const most = hasMore ? (job.numRetries ?? deployment.numRetries ?? deps.config.router.numRetries) : throttlesMax;
      const found = open.find();
      if (throttles <= most && !(found instanceof GatewayError)) {
        candidates = found;
        tried.delete(deployment.id);
        retries -= 1;
        continue;
      }
      const failure = { alias: alias.name, error, retries, numRetries: retries };
      return { type: 'failed', failure, order: orderOf(deployment) };
    }
    const numRetries = job.numRetries ?? deployment.numRetries ?? deps.config.router.numRetries;
    const allowed = retriesFor(error, alias, { router: deps.config.router, numRetries });
    const failure = { alias: alias.name, error, retries, numRetries: Math.max(allowed, numRetries) };
    const failed = { type: 'failed', failure, order: orderOf(deployment) } as const;
    if (retries >= allowed) return failed;
    maxRetries = allowed;
    candidates = open.find();
    if (candidates instanceof GatewayError) return failed; // nobody is left to try
    const waitMs = retryPauseMs(error, retries, {
      otherDeployment: candidates.some((other) => !tried.has(other.id) && deps.flow.hasRoom(other, laneOfJob(job))),
      retryAfterMs: deps.config.router.retryAfterMs,
      random: deps.random,
    });
    if (deps.now() + waitMs >= job.deadlineAt) return failed;
    await deps.pause(waitMs, signal);
  }

  function planFor(
    deployment: Deployment,
    { hasMore, mock, ...counts }: { retries: number; maxRetries: number; hasMore: boolean; mock: Mock | null },
  ): CallPlan {
    const fallbackErrors = tries.fallbackErrors();
    return {
      ...what,
      ...counts,
      deployment,
      ...(fallbackErrors && { fallbackErrors }),
      ...(mock?.type === 'answer' && { mockText: mock.text }),
      patienceMs: hasMore ? patienceMs : undefined,
      hasRoomElsewhere: () => open.hasRoomElsewhere(deployment),
    };
  }

  function findAgain(before: readonly Deployment[]): readonly Deployment[] {
    const found = open.find();
    return found instanceof GatewayError ? before : found;
  }
}

/** In place of a call: nothing is sent, booked, or learnt of the deployment. */
async function failMocked(
  mock: Exclude<Mock, { type: 'answer' }>,
  deployment: Deployment,
  { job, deps, signal }: Tries,
): Promise<CallOutcome> {
  if (mock.type === 'timeout') await deps.pause(callTimeoutMs(job, deployment, deps.config.router), signal);
  const why = stopReasonOf(signal);
  return why ? { type: 'stopped', why } : { type: 'failed', error: mock.error, mayBeBilled: false };
}

function choose(from: readonly Deployment[], { inputTokens }: Wanted, { job, deps }: Tries): Deployment {
  return chooseDeployment(from, {
    router: deps.config.router,
    stats: deps.stats,
    stream: job.stream,
    admittedAt: job.admittedAt,
    inputTokens,
    outputTokens: job.outputTokensCap,
    searchUnits: job.searchUnits ?? 0,
    random: deps.random,
  });
}

/**
 * What the call says of its deployment.
 *
 * @returns after a failure, what is to be waited for: the next deployment is chosen by it
 */
function report(
  outcome: CallOutcome,
  deployment: Deployment,
  alias: Alias,
  { cooldowns, config }: JobDeps,
): Promise<void> | null {
  const isAlone = () => alias.deployments.filter(({ blocked }) => !blocked).length === 1;
  if (outcome.type === 'failed') {
    const isKept = waitsForTurn(outcome.error, deployment, config.router);
    return isKept ? null : cooldowns.failed(deployment, outcome.error, isAlone());
  }
  if (outcome.type !== 'ended') return null;
  const { error, type, hasContent } = outcome.end;
  if (error) void cooldowns.failed(deployment, error, isAlone());
  else if (type === 'completed' || hasContent) cooldowns.succeeded(deployment.id);
  return null;
}

/**
 * A throttled deployment is not left alone, as it would be in contract §8.5: it gets as many calls as it takes. Unless
 * the operator has said how many failures are too many.
 */
function waitsForTurn(error: ProviderError, deployment: Deployment, { cooldowns }: RouterSettings): boolean {
  return isThrottle(error) && cooldownSettingsOf(deployment, cooldowns).allowedFails === null;
}

function hasHigherOrder({ deployments }: Alias, order: number): boolean {
  return deployments.some((one) => one.blocked !== true && orderOf(one) > order);
}

function noTurn({ model }: Deployment, retryAfterSeconds: number, last: ProviderError | null): ProviderError {
  if (last) return last.with({ retryAfterSeconds });
  const message = `litellm.RateLimitError: ${model} takes no more calls now, and this request's turn would not have come in time.`;
  return new ProviderError('provider_throttled', message, { status: 429, retryAfterSeconds, mayBeBilled: false });
}
