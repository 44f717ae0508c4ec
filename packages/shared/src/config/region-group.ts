import { RegionGroup } from '../contracts/region-group.ts';
import { GatewayError } from '../errors.ts';
import type { Alias, Deployment } from './gateway-config.ts';

/** Regions that Oracle's names put into `eu` and that are no part of the European Union: Switzerland and Serbia. */
const outsideOfUnion: ReadonlySet<string> = new Set([
  'eu-zurich-1',
  'eu-dcc-zurich-1',
  'eu-crissier-1',
  'eu-jovanovac-1',
]);

/** The group of a region of OCI, by its name; null: it is in none, or it is not known where it is. */
export function regionGroupOf(region: string | null): RegionGroup | null {
  if (region === null || outsideOfUnion.has(region)) return null;
  return RegionGroup.options.find((group) => region.startsWith(`${group}-`)) ?? null;
}

/** The same with those of its deployments alone that lie in the group: perhaps none. null: wherever they are. */
export function aliasIn<T extends Pick<Alias, 'deployments'>>(alias: T, group: RegionGroup | null | undefined): T {
  if (group == null) return alias;
  return { ...alias, deployments: alias.deployments.filter((one) => regionGroupOf(regionOf(one)) === group) };
}

/** null: the provider has no regions that we know of. */
export function regionOf({ target }: Pick<Deployment, 'target'>): string | null {
  return target.api === 'anthropic' ? null : target.region;
}

/** @param regions the customer's and the one that the request itself names: all hold */
export function regionNotAllowed(
  model: string,
  regions: readonly RegionGroup[],
  customer: string | null,
): GatewayError {
  const message = `No deployment of the model lies in a region that this request may be answered from. Passed model=${model}, End User=${customer}, allowed_model_region=${regions.join(' and ')}`;
  return new GatewayError('region_not_allowed', message, { param: 'model' });
}
