import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import type { RetryPolicy, RouterSettings } from '@sluice/shared/config/router-config.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { ProviderError } from '../providers/provider.ts';
import { errorClassOf } from './error-class.ts';

/**
 * How many retries a failure is worth at most (contract §8.5): what a retry policy says about its class, else none
 * for what would only fail again, else `numRetries`.
 */
export function retriesFor(
  error: Pick<ProviderError, 'code'>,
  alias: Pick<Alias, 'name' | 'queue' | 'standsFor' | 'deployments'>,
  { router, numRetries }: { router: Pick<RouterSettings, 'retryPolicies'>; numRetries: number },
): number {
  const byPolicy = policyRetries(error, retryPolicyOf(alias, router.retryPolicies));
  if (byPolicy !== null) return byPolicy;
  return isRetryable(error, alias) ? numRetries : 0;
}

/**
 * True for what may go away by itself: 408, 409, 429, 5xx, no connection; and for an identity that the provider
 * refuses when the alias has more than one deployment.
 */
function isRetryable(error: Pick<ProviderError, 'code'>, alias: Pick<Alias, 'deployments'>): boolean {
  if (errorCatalog[error.code].retryable) return true;
  const isRefusedIdentity = error.code === 'provider_authentication' || error.code === 'provider_permission';
  return isRefusedIdentity && alias.deployments.length > 1;
}

/** The alias's own policy, that of its wildcard or of what it stands for, or the one for all. */
function retryPolicyOf(
  { name, queue, standsFor }: Pick<Alias, 'name' | 'queue' | 'standsFor'>,
  policies: RouterSettings['retryPolicies'],
): RetryPolicy {
  const names = [name, standsFor, queue, '*'].filter((one) => one !== undefined);
  return names.map((one) => policies.get(one)).find((policy) => policy !== undefined) ?? {};
}

function policyRetries({ code }: Pick<ProviderError, 'code'>, policy: RetryPolicy): number | null {
  const errorClass = errorClassOf(code);
  const named = errorClass === null ? undefined : policy[errorClass];
  return named ?? policy.Default ?? null;
}
