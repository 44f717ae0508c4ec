import { isFields, isTagged, isText, isWord, type Checked } from './checks.ts';
import { notFound } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';

export const isServingMode = isTagged('servingType', {
  ON_DEMAND: isFields({ servingType: isWord('ON_DEMAND'), modelId: isText }, {}),
  DEDICATED: isFields({ servingType: isWord('DEDICATED'), endpointId: isText }, {}),
});
export type ServingMode = Checked<typeof isServingMode>;

/** The endpoint of a dedicated cluster that hosts this model; there is one for each. */
export function endpointOcid(model: string): string {
  return `${endpointPrefix}${model}`;
}

const endpointPrefix = 'ocid1.generativeaiendpoint.oc1.us-chicago-1.';

/** The model that is to serve. @throws OciFailure 404 for an endpoint that does not exist */
export function servedModel(mode: ServingMode): string {
  if (mode.servingType === 'ON_DEMAND') return mode.modelId;
  if (!mode.endpointId.startsWith(endpointPrefix)) throw notFound();
  return mode.endpointId.slice(endpointPrefix.length);
}

/** A signer may call in its compartment and in the root compartment, which is its tenancy. */
export function mayUse(identity: RegisteredIdentity, compartmentId: string): boolean {
  return compartmentId === identity.compartmentId || compartmentId === identity.keyId.split('/')[0];
}
