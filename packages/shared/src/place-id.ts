import { createHash } from 'node:crypto';
import type { OciIdentity, Target } from './config/gateway-config.ts';

/**
 * Names the place that a deployment is called in: a region or endpoint, and a compartment in it as one identity sees
 * it. The same in every process that reads the same configuration; deployments that share it find the same models.
 *
 * @returns null for places without a list of models: other providers, and dedicated endpoints, which serve one each
 */
export function placeIdOf(target: Target): string | null {
  if (target.api !== 'oci' || target.servingMode.type !== 'ON_DEMAND') return null;
  const { region, endpoint, compartmentId, identity } = target;
  const place = [region, endpoint, compartmentId, withoutSecrets(identity)];
  return createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 32);
}

/** The fingerprint stands for the key. */
function withoutSecrets(identity: OciIdentity): unknown {
  if (identity.type !== 'api_key') return identity;
  return [identity.tenancy, identity.user, identity.fingerprint];
}
