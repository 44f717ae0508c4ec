import { EndpointBuilder } from 'oci-common';
import type { OciTarget } from '@sluice/shared/config/gateway-config.ts';

/** oci-wire.md §1.1. */
const template = 'https://generativeai.{region}.oci.{secondLevelDomain}';

/**
 * Where the control plane of a deployment is: scheme, host and port. Beside an inference endpoint of OCI's own naming
 * it is the same host without `inference.`; any other endpoint (a proxy, a private one) is taken to serve both.
 */
export function controlPlaneUrlOf({ region, endpoint }: Pick<OciTarget, 'region' | 'endpoint'>): string {
  if (endpoint === null) return EndpointBuilder.createEndpointFromRegionId(template, region);
  return endpoint.replace(/\/+$/, '').replace('://inference.generativeai.', '://generativeai.');
}
