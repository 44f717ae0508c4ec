import { isFields, isTagged, isText, isWord, type Checked } from './checks.ts';
import { notFound } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';
import { findChatModel, findEndpointModel, type ChatModel } from './models.ts';

export const isServingMode = isTagged('servingType', {
  ON_DEMAND: isFields({ servingType: isWord('ON_DEMAND'), modelId: isText }, {}),
  DEDICATED: isFields({ servingType: isWord('DEDICATED'), endpointId: isText }, {}),
});
export type ServingMode = Checked<typeof isServingMode>;

/** A model that is called on demand. Embedding models have no dedicated endpoints here. @throws OciFailure 404 */
export function onDemandModel(mode: ServingMode): string {
  if (mode.servingType === 'DEDICATED') throw notFound();
  return mode.modelId;
}

/** The chat model that is to serve: some are on demand, and each has an endpoint of its own. @throws OciFailure 404 */
export function servingChatModel(mode: ServingMode): ChatModel {
  if (mode.servingType === 'DEDICATED') return findEndpointModel(mode.endpointId) ?? unknown();
  const model = findChatModel(mode.modelId);
  return model && !model.dedicatedOnly ? model : unknown();
}

function unknown(): never {
  throw notFound();
}

/** A signer may call in its compartment and in the root compartment, which is its tenancy. */
export function mayUse(identity: RegisteredIdentity, compartmentId: string): boolean {
  const tenancy = identity.tenancy ?? identity.keyId.split('/')[0];
  return compartmentId === identity.compartmentId || compartmentId === tenancy;
}
