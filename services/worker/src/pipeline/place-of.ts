import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';

/** The part of a usage event that names where a call went and at what price. */
export function placeOf(
  deployment: Deployment,
): Pick<UsageEvent, 'answeredBy' | 'model' | 'deploymentId' | 'provider' | 'apiBase' | 'price' | 'priceSource'> {
  return {
    answeredBy: deployment.alias,
    model: deployment.model,
    deploymentId: deployment.id,
    provider: deployment.provider,
    apiBase: apiBaseOf(deployment),
    price: deployment.price,
    priceSource: deployment.priceSource,
  };
}

export function apiBaseOf({ target }: Deployment): string {
  if (target.api !== 'oci') return target.baseUrl;
  return target.endpoint ?? `https://inference.generativeai.${target.region}.oci.oraclecloud.com`;
}

/** null: the provider has no regions that we know of. */
export function regionOf({ target }: Deployment): string | null {
  return target.api === 'anthropic' ? null : target.region;
}
