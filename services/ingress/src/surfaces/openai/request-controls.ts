import type { IncomingHttpHeaders } from 'node:http';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import type { VirtualKey } from '../../auth/authenticated.ts';
import { mayUseAlias } from '../../auth/may-use-model.ts';

/** What a request says about how it is to be run; contract §7.3, §8.5. None of it goes upstream. */
export interface RequestControls {
  readonly timeoutMs: number;
  readonly numRetries: number | undefined;
  /** Aliases to try after the first, in order. */
  readonly fallbacks: readonly string[];
  readonly dropParams: boolean;
}

const timeoutSecondsMax = 3_600;
const retriesMax = 50;
const seconds = z.coerce.number().positive().max(timeoutSecondsMax);

const Controls = z.object({
  timeout: seconds.nullish(),
  num_retries: z.coerce.number().int().min(0).max(retriesMax).nullish(),
  fallbacks: z.array(z.union([z.string(), z.looseObject({ model: z.string() })])).nullish(),
  disable_fallbacks: z.boolean().nullish(),
  drop_params: z.boolean().nullish(),
});

/** @throws GatewayError invalid_request naming the field */
export function requestControls(
  alias: string,
  body: Readonly<Record<string, unknown>>,
  headers: IncomingHttpHeaders,
  config: GatewayConfig,
  key: VirtualKey | null,
): RequestControls {
  const parsed = Controls.safeParse({
    timeout: body['timeout'] ?? headers['x-litellm-timeout'],
    num_retries: body['num_retries'] ?? headers['x-litellm-num-retries'],
    fallbacks: body['fallbacks'],
    disable_fallbacks: body['disable_fallbacks'],
    drop_params: body['drop_params'],
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = issue?.path.join('.') ?? '';
    throw new GatewayError('invalid_request', `Invalid value for '${param}': ${issue?.message ?? 'wrong type'}.`, {
      param,
    });
  }
  const { timeout, num_retries, fallbacks, disable_fallbacks, drop_params } = parsed.data;
  const asked = fallbacks?.map((entry) => (typeof entry === 'string' ? entry : entry.model));
  return {
    timeoutMs: timeout ? timeout * 1_000 : config.router.timeoutMs,
    numRetries: num_retries ?? undefined,
    fallbacks: disable_fallbacks ? [] : fallbackChain(alias, asked, config, key),
    dropParams: drop_params ?? config.dropParams,
  };
}

/**
 * The aliases to try after `alias`, in order: the request's own list, else the configured one and what follows from
 * it, depth first, each once. A name without fallbacks has those of its wildcard, or of the alias it stands for. Aliases that the key may not use or that answer something else are left out.
 */
export function fallbackChain(
  alias: string,
  asked: readonly string[] | undefined,
  config: GatewayConfig,
  key: VirtualKey | null,
): readonly string[] {
  const mode = resolveAlias(config, alias)?.mode;
  const usable = (name: string) => {
    const found = resolveAlias(config, name);
    return found !== null && found.mode === mode && (key === null || mayUseAlias(key, found));
  };
  const chain: string[] = [];
  const visit = (name: string) => {
    if (name === alias || chain.includes(name) || chain.length >= config.router.maxFallbacks || !usable(name)) return;
    chain.push(name);
    next(name).forEach(visit);
  };
  const { fallbacks } = config.router;
  const next = (name: string) => {
    const queue = resolveAlias(config, name)?.queue;
    const ofQueue = queue === undefined ? undefined : fallbacks.get(queue);
    return fallbacks.get(name) ?? ofQueue ?? fallbacks.get('*') ?? [];
  };
  (asked ?? next(alias)).forEach(visit);
  return chain;
}
