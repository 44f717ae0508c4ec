import { isFields, isTagged, isText, isWord, type Checked } from './checks.ts';
import { notFound } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';
import { endpointPrefix, findChatModel, findEndpointModel, type ChatModel } from './models.ts';

export const isServingMode = isTagged('servingType', {
  ON_DEMAND: isFields({ servingType: isWord('ON_DEMAND'), modelId: isText }, {}),
  DEDICATED: isFields({ servingType: isWord('DEDICATED'), endpointId: isText }, {}),
});
export type ServingMode = Checked<typeof isServingMode>;

/** The model that is to serve. @throws OciFailure 404 for an endpoint that does not exist */
export function servedModel(mode: ServingMode): string {
  if (mode.servingType === 'ON_DEMAND') return mode.modelId;
  if (!mode.endpointId.startsWith(endpointPrefix)) throw notFound();
  return mode.endpointId.slice(endpointPrefix.length);
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
