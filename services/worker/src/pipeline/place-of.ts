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

export function apiBaseOf({ oci }: Deployment): string {
  return oci.endpoint ?? `https://inference.generativeai.${oci.region}.oci.oraclecloud.com`;
}
