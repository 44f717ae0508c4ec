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
  const ofHeader = regionIn(headers);
  if (ofCustomer == null) return ofHeader === null ? [] : [ofHeader];
  return ofHeader === null || ofHeader === ofCustomer ? [ofCustomer] : [ofCustomer, ofHeader];
}

function regionIn(headers: IncomingHttpHeaders): RegionGroup | null {
  const named = headers[header];
  if (named === undefined || named === '') return null;
  const region = RegionGroup.safeParse(named);
  if (region.success) return region.data;
  const message = `Invalid value for '${header}': expected one of ${RegionGroup.options.join(', ')}.`;
  throw new GatewayError('invalid_request', message, { param: header });
}

/** Whether a deployment of an alias lies in all of them. */
export function isIn(alias: Alias, regions: readonly RegionGroup[]): boolean {
  return regions.reduce(aliasIn<Alias>, alias).deployments.length > 0;
}
