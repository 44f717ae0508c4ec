import { createHash } from 'node:crypto';
import type { OciIdentity, Target } from './gateway-config.ts';
import { isMapping, type Section } from './section.ts';
import { withoutSecrets } from './without-secrets.ts';

/**
 * The same for the same entry in every process and after every restart, and different once it means something else:
 * so the identity is part of it, and a new key, key file or password is not.
 */
export function deploymentIdOf(entry: Section, target: Target): string {
  return hashOf([withoutSecrets(entry), ...placeAndIdentity(target)]);
}

/** The id of one model of a wildcard's deployment. */
export function wildcardDeploymentId(id: string, upstreamModel: string): string {
  return hashOf([id, upstreamModel]);
}

/** Where, and who: what may come from the environment and so does not stand in the entry. */
function placeAndIdentity(target: Target): readonly unknown[] {
  switch (target.api) {
    case 'oci': {
      const { api: _api, identity, ...place } = target;
      return [place, publicPart(identity)];
    }
    case 'openai': {
      const { baseUrl, query, headers, region, auth } = target;
      const place = { baseUrl, query, headers, region };
      return auth.type === 'oci'
        ? [{ ...place, compartmentId: auth.compartmentId }, publicPart(auth.identity)]
        : [place, { type: auth.type }];
    }
    case 'anthropic':
      return [{ baseUrl: target.baseUrl, headers: target.headers }];
    default:
      return target satisfies never;
  }
}

function publicPart(identity: OciIdentity): unknown {
  if (identity.type !== 'api_key') return identity;
  const { tenancy, user, fingerprint } = identity;
  return { tenancy, user, fingerprint };
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(inOrder(value)))
    .digest('hex')
    .slice(0, 32);
}

/** Sorted keys: the order in which a file names things means nothing. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isMapping(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}
