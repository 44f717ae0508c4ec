import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { ociInferenceUrl } from '@sluice/shared/config/oci-realms.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { priceAt } from '@sluice/shared/prices/price-at.ts';

/**
 * The part of a usage event that names where a call went and at what price.
 *
 * @param admittedAt when the call's request was admitted, epoch milliseconds: its price is of then
 */
export function placeOf(
  deployment: Deployment,
  admittedAt: number,
): Pick<UsageEvent, 'answeredBy' | 'model' | 'deploymentId' | 'provider' | 'apiBase' | 'price' | 'priceSource'> {
  return {
    answeredBy: deployment.alias,
    model: deployment.model,
    deploymentId: deployment.id,
    provider: deployment.provider,
    apiBase: apiBaseOf(deployment),
    ...priceAt(deployment, admittedAt),
  };
}

export function apiBaseOf({ target }: Deployment): string {
  if (target.api !== 'oci') return target.baseUrl;
  return target.endpoint ?? ociInferenceUrl(target.region);
}
