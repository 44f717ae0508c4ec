import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { aliasIn, regionNotAllowed } from '@sluice/shared/config/region-group.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import type { FallbackError } from '@sluice/shared/contracts/token-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { ProviderError } from '../providers/provider.ts';
import { createMocks } from '../routing/mocks.ts';
import { nextAliases } from '../routing/next-aliases.ts';
import { createCallSeries } from './call-series.ts';
import type { JobToTry, MadeCall, Standing } from './call-series.ts';
import { failedAnswer } from './failed-answer.ts';
import type { JobDeps, StopReason } from './job-context.ts';
import { withMessages } from './open-request.ts';
import type { CallEnd } from './relay.ts';
import { tryAlias } from './try-alias.ts';
import type { AliasOutcome, Failure } from './try-alias.ts';

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

/** UTF-16 units of an error that goes into a header. */
const fallbackMessageMax = 256;
const fallbackErrorsMax = 20;

/**
 * Calls until one answers: the alias's own deployments first, then, as its error wants it, the aliases after it, each
 * with its own retries and its own aliases after it, none of them twice (contract §8.5). Never after the client has
 * seen content.
 */
export async function tryCalls(
  job: JobToTry,
  deps: JobDeps,
  signal: AbortSignal,
  bookCut: (end: CallEnd, made: MadeCall) => Promise<void>,
): Promise<TryOutcome> {
  const { alias: first } = job.delivery.job;
  const calls = createCallSeries(job, deps, signal, bookCut);
  let deployment: Deployment | null = null;
  const failures: Failure[] = [];
  const mocks = createMocks(job.request);
  const tries = {
    job: job.delivery.job,
    calls,
    deps,
    signal,
    mocks,
    fallbackErrors: () =>
      job.delivery.job.includeFallbackErrors ? failures.slice(0, fallbackErrorsMax).map(fallbackErrorOf) : undefined,
    onFailure: (failure: Failure) => failures.push(failure),
    onDeployment: (one: Deployment) => {
      deployment = one;
    },
  };
  const visited = [first];
  let hops = 0;

  const outcome = await visit(first, 0, []);
  const at = { standing: calls.standing, deployment };
  switch (outcome.type) {
    case 'ended':
      return outcome;
    case 'stopped':
      return { type: 'stopped', why: outcome.why, ...at };
    case 'refused':
      return { type: 'failed', error: outcome.error, ...at };
    case 'failed': {
      const fallbacks = nextAliases(tries.job, first, failures[0]?.error.code ?? 'internal');
      const { debugInErrors } = deps.config.router;
      const asked = { alias: first, fallbacks, debugInErrors };
      return { type: 'failed', error: failedAnswer(failures, asked), ...at };
    }
    default:
      return outcome satisfies never;
  }

  /**
   * @param fallbacks hops up to here
   * @param after whom to try if this alias and all after it fail
   */
  async function visit(name: string, fallbacks: number, after: readonly string[]): Promise<AliasOutcome> {
    const everywhere = resolveAlias(deps.config, name);
    const alias = everywhere && aliasIn(everywhere, tries.job.region);
    // Null where the worker's configuration is older or newer than the ingress's.
    const own = withMessages(job.request, tries.job, name);
    const mocked = name === first ? mocks.ofAlias() : null;
    const hasFallback = isLeft(nextAliases(tries.job, name, 'provider_throttled')) || isLeft(after);
    const result: AliasOutcome = mocked
      ? failed(name, mocked)
      : alias === null
        ? { type: 'failed', failures: [] }
        : alias.deployments.length === 0
          ? failed(name, regionNotAllowed(name, [tries.job.region ?? []].flat(), tries.job.origin.endUser))
          : await tryAlias(alias, { ...own, fallbacks, hasFallback }, tries);
    if (result.type !== 'failed') return result;
    const code = result.failures[0]?.error.code ?? 'internal';
    const next = nextAliases(tries.job, name, code);
    for (const [index, other] of next.entries()) {
      if (visited.includes(other)) continue;
      if (hops >= deps.config.router.maxFallbacks) break;
      hops += 1;
      visited.push(other);
      const later = await visit(other, hops, [...next.slice(index + 1), ...after]);
      if (later.type !== 'failed') return later;
    }
    return result;
  }

  function failed(alias: string, error: GatewayError | ProviderError): AliasOutcome {
    const failure = { alias, error, retries: 0, numRetries: 0 };
    failures.push(failure);
    return { type: 'failed', failures: [failure] };
  }

  function isLeft(others: readonly string[]): boolean {
    if (hops >= deps.config.router.maxFallbacks) return false;
    return others.some((other) => !visited.includes(other) && resolveAlias(deps.config, other));
  }
}

/** What a client that asks is told of a failure; no more of it than fits into a header. */
function fallbackErrorOf({ error: { code, message, param } }: Failure): FallbackError {
  return { code, param, message: message.slice(0, fallbackMessageMax) };
}
