import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { ociInferenceUrl } from '@sluice/shared/config/oci-realms.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { priceAt } from '@sluice/shared/prices/price-at.ts';

/**
 * The part of a usage event that names where a call went and at what price.
 *
 * @param job `admittedAt`: the price is of then
 */
export function placeOf(
  deployment: Deployment,
  { admittedAt, priceFactorPpm }: Pick<InferenceJob, 'admittedAt' | 'priceFactorPpm'>,
): Pick<UsageEvent, 'answeredBy' | 'model' | 'deploymentId' | 'provider' | 'apiBase' | 'price' | 'priceSource'> {
  return {
    answeredBy: deployment.alias,
    model: deployment.model,
    deploymentId: deployment.id,
    provider: deployment.provider,
    apiBase: apiBaseOf(deployment),
    ...priceAt(deployment, admittedAt, priceFactorPpm),
  };
}

export function apiBaseOf({ target }: Deployment): string {
  if (target.api !== 'oci') return target.baseUrl;
  return target.endpoint ?? ociInferenceUrl(target.region);
}
