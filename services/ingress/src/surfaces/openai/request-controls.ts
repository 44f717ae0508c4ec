import type { IncomingHttpHeaders } from 'node:http';
import { BodyFallbackLists, BodyFallbacks, ownFallbacks } from '@sluice/shared/api/litellm/fallbacks.ts';
import { mockParams, mockTestingParams } from '@sluice/shared/api/litellm/mock-params.ts';
import { DropNames, ParamNames } from '@sluice/shared/api/litellm/param-names.ts';
import type { OwnFallback } from '@sluice/shared/api/litellm/fallbacks.ts';
import type { Alias, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Fallbacks } from '@sluice/shared/config/router-config.ts';
import type { RegionGroup } from '@sluice/shared/contracts/region-group.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import { mayBeUsedFor, mayUseAlias } from '../../auth/may-use-model.ts';
import { withOtherNames } from '@sluice/shared/config/other-names.ts';
import { deploymentsOf, resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { noAttribution } from '../../tenancy/attribution.ts';
import type { Attribution } from '../../tenancy/attribution.ts';
import { limitsThatHold } from '../../tenancy/limits-that-hold.ts';
import { modelEntries } from '../../tenancy/model-limits.ts';
import type { Principal } from '../../tenancy/principal.ts';
import type { VirtualKey } from '../../auth/authenticated.ts';
import { askedRegions, isIn } from './asked-region.ts';
import { planFallbacks } from './fallback-plan.ts';
import type { FallbackPlan } from './fallback-plan.ts';

/** What a request says about how it is to be run; contract §7.3, §8.5. None of it goes upstream. */
export interface RequestControls {
  readonly timeoutMs: number;
  /** Groups of regions, all of which hold; none: wherever. */
  readonly regions: readonly RegionGroup[];
  /** What the worker is to obey. */
  readonly forJob: FallbackPlan &
    Pick<InferenceJob, 'dropParams'> &
    Partial<Pick<InferenceJob, 'numRetries' | 'streamTimeoutMs' | 'fallbacksDisabled' | 'includeFallbackErrors'>>;
  /** Fallbacks with messages of their own, of those that may be tried. */
  readonly messages: readonly (OwnFallback & { readonly messages: NonNullable<OwnFallback['messages']> })[];
}

const timeoutSecondsMax = 3_600;
const retriesMax = 50;
const seconds = z.coerce.number().positive().max(timeoutSecondsMax);

export const Controls = z.object({
  timeout: seconds.nullish(),
  stream_timeout: seconds.nullish(),
  num_retries: z.coerce.number().int().min(0).max(retriesMax).nullish(),
  fallbacks: BodyFallbacks.nullish(),
  context_window_fallbacks: BodyFallbackLists.nullish(),
  content_policy_fallbacks: BodyFallbackLists.nullish(),
  disable_fallbacks: z.boolean().nullish(),
  drop_params: z.boolean().nullish(),
  // The worker finds these in the body.
  additional_drop_params: DropNames.nullish(),
  allowed_openai_params: ParamNames.nullish(),
  include_fallback_errors: z.boolean().nullish(),
  specific_deployment: z.boolean().nullish(),
  ...mockParams,
});

/**
 * @param attribution whom the request is for, which decides what it may fall back to
 * @throws GatewayError invalid_request naming the field
 */
export function requestControls(
  alias: string,
  body: Readonly<Record<string, unknown>>,
  headers: IncomingHttpHeaders,
  config: GatewayConfig,
  principal: Principal | null,
  attribution: Attribution = noAttribution,
): RequestControls {
  const asked = parseControls(givenControls(body, headers));
  requireMocksAllowed(asked, config);
  const regions = askedRegions(headers, attribution);
  const key = principal?.key;
  const own = asked.fallbacks ? ownFallbacks(asked.fallbacks) : null;
  const disabled = asked.disable_fallbacks ?? key?.metadata['disable_fallbacks'] === true;
  const plan = disabled
    ? { fallbacks: [] }
    : planFallbacks(alias, askedFallbacks(asked, own, key), config, mayFallBackTo);
  return {
    regions,
    timeoutMs: asked.timeout ? asked.timeout * 1_000 : defaultTimeoutMs([alias, ...plan.fallbacks], config),
    forJob: {
      ...plan,
      ...(disabled && { fallbacksDisabled: true }),
      ...(asked.include_fallback_errors && config.router.showsFallbackErrors && { includeFallbackErrors: true }),
      ...(asked.num_retries != null && { numRetries: asked.num_retries }),
      ...(asked.stream_timeout != null && { streamTimeoutMs: Math.max(1, Math.round(asked.stream_timeout * 1_000)) }),
      dropParams: asked.drop_params ?? config.dropParams,
    },
    messages: (own ?? []).flatMap(({ model, messages }) =>
      messages && plan.fallbacks.includes(model) ? [{ model, messages }] : [],
    ),
  };

  /** A request is booked on the model that it asked for: one with limits of its own must be asked for. */
  function mayFallBackTo(other: Alias): boolean {
    if (!isIn(other, regions)) return false;
    if (principal === null) return true;
    const meant = resolveAlias(config, alias);
    const [first, next] = [meant ? withOtherNames(config, meant) : { name: alias }, withOtherNames(config, other)];
    return (
      mayUseAlias(principal, other) &&
      mayBeUsedFor(attribution, other) &&
      limitsThatHold(principal, attribution).every((limits) => {
        const counted = modelEntries(limits, first);
        return modelEntries(limits, next).every((entry) => counted.includes(entry));
      })
    );
  }
}

/** Of a request that names none: no less than any call that may be made for it may take. */
function defaultTimeoutMs(aliases: readonly string[], config: GatewayConfig): number {
  let longestMs = config.router.timeoutMs;
  for (const { timeoutMs, streamTimeoutMs } of deploymentsOf(config, aliases)) {
    longestMs = Math.max(longestMs, timeoutMs ?? 0, streamTimeoutMs ?? 0);
  }
  return longestMs;
}

const controlNames = Object.keys(Controls.shape);

/** What a request says of how it is to be run; null: nothing, as most do. */
function givenControls(body: Readonly<Record<string, unknown>>, headers: IncomingHttpHeaders) {
  const timeout = body['timeout'] ?? headers['x-litellm-timeout'];
  const streamTimeout = body['stream_timeout'] ?? headers['x-litellm-stream-timeout'];
  const retries = body['num_retries'] ?? headers['x-litellm-num-retries'];
  const isGiven = timeout != null || streamTimeout != null || retries != null;
  if (!isGiven && controlNames.every((name) => body[name] == null)) return null;
  return { ...body, timeout, stream_timeout: streamTimeout, num_retries: retries };
}

function parseControls(given: Readonly<Record<string, unknown>> | null): z.infer<typeof Controls> {
  if (given === null) return {};
  const parsed = Controls.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.path.join('.') ?? '';
  throw new GatewayError('invalid_request', `Invalid value for '${param}': ${issue?.message ?? 'wrong type'}.`, {
    param,
  });
}

/** `mock_response` needs no permission, as in LiteLLM: it is paid for and reaches nobody. */
function requireMocksAllowed(asked: z.infer<typeof Controls>, { router }: Pick<GatewayConfig, 'router'>): void {
  const mock = mockTestingParams.find((name) => asked[name] === true);
  if (mock === undefined || router.mockTesting) return;
  const message = `'${mock}' is not allowed here: it needs general_settings.dangerously_allow_mock_testing_request_params.`;
  throw new GatewayError('invalid_request', message, { param: mock });
}

function askedFallbacks(
  asked: z.infer<typeof Controls>,
  own: readonly OwnFallback[] | null,
  key: Pick<VirtualKey, 'fallbackModels'> | undefined,
) {
  const ofKey = key && key.fallbackModels.length > 0 ? { own: key.fallbackModels } : {};
  const { fallbacks, context_window_fallbacks: contextWindow, content_policy_fallbacks: contentPolicy } = asked;
  return {
    ...(own ? { own: own.map(({ model }) => model) } : ((fallbacks && { general: listsOf(fallbacks) }) ?? ofKey)),
    ...(contextWindow && { contextWindow: listsOf(contextWindow) }),
    ...(contentPolicy && { contentPolicy: listsOf(contentPolicy) }),
  };
}

/** The configuration's form; a plain list of aliases is for every alias. */
function listsOf(entries: NonNullable<z.infer<typeof Controls>['fallbacks']>): Fallbacks {
  const lists = new Map<string, readonly string[]>();
  for (const entry of entries) {
    if (typeof entry === 'string') lists.set('*', [...(lists.get('*') ?? []), entry]);
    else
      for (const [alias, targets] of Object.entries(entry)) {
        if (Array.isArray(targets))
          lists.set(
            alias,
            targets.filter((target) => typeof target === 'string'),
          );
      }
  }
  return lists;
}
