import type { IncomingHttpHeaders } from 'node:http';
import { aliasIn } from '@sluice/shared/config/region-group.ts';
import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { RegionGroup } from '@sluice/shared/contracts/region-group.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Attribution } from '../../tenancy/attribution.ts';

const header = 'x-litellm-model-region';

/**
 * Where a request may be answered: in the group of regions that its customer has and in the one that its header names
 * (contract §7.3). Both hold, so that two different ones leave no deployment.
 *
 * @throws GatewayError invalid_request for a header that names no group
 */
export function askedRegions(headers: IncomingHttpHeaders, { customer }: Attribution): RegionGroup[] {
  const ofCustomer = customer?.customer?.allowedModelRegion;
  const named = headers[header];
  const isNamed = named !== undefined && named !== '';
  const ofHeader = RegionGroup.safeParse(named);
  if (isNamed && !ofHeader.success) {
    const message = `Invalid value for '${header}': expected one of ${RegionGroup.options.join(', ')}.`;
    throw new GatewayError('invalid_request', message, { param: header });
  }
  return [...new Set([...(ofCustomer == null ? [] : [ofCustomer]), ...(ofHeader.success ? [ofHeader.data] : [])])];
}

/** Whether a deployment of an alias lies in all of them. */
export function isIn(alias: Alias, regions: readonly RegionGroup[]): boolean {
  return regions.reduce(aliasIn<Alias>, alias).deployments.length > 0;
}
