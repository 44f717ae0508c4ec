import { isFields, isTagged, isText, isWord, type Checked } from './checks.ts';
import { notFound } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';

export const isServingMode = isTagged('servingType', {
  ON_DEMAND: isFields({ servingType: isWord('ON_DEMAND'), modelId: isText }, {}),
  DEDICATED: isFields({ servingType: isWord('DEDICATED'), endpointId: isText }, {}),
});
export type ServingMode = Checked<typeof isServingMode>;

/** The model that is to serve. There are no dedicated endpoints here, so each is unknown. @throws OciFailure 404 */
export function onDemandModel(mode: ServingMode): string {
  if (mode.servingType === 'DEDICATED') throw notFound();
  return mode.modelId;
}

/** A signer may call in its compartment and in the root compartment, which is its tenancy. */
export function mayUse(identity: RegisteredIdentity, compartmentId: string): boolean {
  const tenancy = identity.tenancy ?? identity.keyId.split('/')[0];
  return compartmentId === identity.compartmentId || compartmentId === tenancy;
}
