import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { ProviderError } from '../providers/provider.ts';

/**
 * True for what may go away by itself: 408, 409, 429, 5xx, no connection; and for an identity that the provider
 * refuses when the alias has more than one deployment (contract §8.5).
 */
export function isRetryable(error: ProviderError, alias: Alias): boolean {
  if (errorCatalog[error.code].retryable) return true;
  const isRefusedIdentity = error.code === 'provider_authentication' || error.code === 'provider_permission';
  return isRefusedIdentity && alias.deployments.length > 1;
}

const pauseMs = { first: 500, most: 8_000, jitter: 750 };
/** A provider that asks for longer is not waited for. */
const retryAfterSecondsMax = 60;

/**
 * How long to wait before the next try (contract §8.5): not at all when another deployment is there to try; what
 * the provider asks for, if that is sensible; else doubling from half a second.
 *
 * @param retry 0 for the first retry
 * @param random in [0, 1)
 */
export function retryPauseMs(
  error: ProviderError,
  retry: number,
  options: { otherDeployment: boolean; retryAfterMs: number; random: () => number },
): number {
  if (options.otherDeployment) return 0;
  const jitter = options.random() * pauseMs.jitter;
  const asked = error.retryAfterSeconds ?? 0;
  if (asked > 0 && asked <= retryAfterSecondsMax) return asked * 1_000 + jitter;
  return Math.min(Math.max(pauseMs.first * 2 ** retry, options.retryAfterMs), pauseMs.most) + jitter;
}
