import type { Alias, Deployment, OciTarget } from '@sluice/shared/config/gateway-config.ts';
import { fillWildcard, matchWildcard } from '@sluice/shared/config/wildcard.ts';
import type { CatalogModel } from '@sluice/shared/contracts/model-catalog.ts';
import { placeIdOf } from '@sluice/shared/place-id.ts';
import type { Names } from '../../src/models/named-models.ts';

/** What must never be in an answer. */
export const secretPem = '-----BEGIN PRIVATE KEY----- the secret of these tests';

const ociTarget: OciTarget = {
  api: 'oci',
  region: 'us-chicago-1',
  endpoint: 'https://oci.example.com',
  compartmentId: 'ocid1.compartment.oc1..c',
  servingMode: { type: 'ON_DEMAND' },
  identity: {
    type: 'api_key',
    tenancy: 'ocid1.tenancy.oc1..t',
    user: 'ocid1.user.oc1..u',
    fingerprint: 'aa:bb:cc',
    privateKeyPem: secretPem,
    passphrase: secretPem,
  },
};

export function deployment(alias: string, model: string, changes: Partial<Deployment> = {}): Deployment {
  return {
    id: `${alias}@${model}`,
    alias,
    provider: 'oci',
    model,
    upstreamModel: model.replace(/^oci\//, ''),
    target: ociTarget,
    price: { inputNanoUsdPerMillion: 3_000_000_000, outputNanoUsdPerMillion: 15_000_000_000 },
    priceSource: 'config',
    maxOutputTokens: 4_000,
    maxInputTokens: 128_000,
    weight: null,
    numRetries: null,
    timeoutMs: null,
    streamTimeoutMs: null,
    defaultParams: {},
    ...changes,
  };
}

/**
 * Names as a configuration has them; those with a `*` are wildcards.
 *
 * @param deployments models, or whole deployments, by name, in order
 * @param knownNames of every wildcard
 */
export function namesOf(
  deployments: Readonly<Record<string, readonly (string | Deployment)[]>>,
  knownNames: readonly string[] = [],
): Names {
  const entries = Object.entries(deployments).map(([name, list]) => ({
    name,
    mode: name.includes('embed') ? ('embedding' as const) : ('chat' as const),
    deployments: list.map((each) => (typeof each === 'string' ? deployment(name, each) : each)),
  }));
  const aliases = new Map(entries.filter(({ name }) => !name.includes('*')).map((alias) => [alias.name, alias]));
  const wildcards = entries
    .filter(({ name }) => name.includes('*'))
    .map((alias) => ({ pattern: alias.name, deployments: alias.deployments, knownNames }));
  return { aliases, wildcards, resolve: (name) => aliases.get(name) ?? resolved(wildcards, name) };
}

/** The first wildcard that fits, with its deployments as they are called for this name. */
function resolved(wildcards: Names['wildcards'], name: string): Alias | null {
  for (const { pattern, deployments } of wildcards) {
    const captures = matchWildcard(pattern, name);
    if (captures === null) continue;
    const called = deployments.map((each) => {
      const model = fillWildcard(each.model, captures);
      return { ...each, id: `${each.id} for ${name}`, model, upstreamModel: model.replace(/^oci\//, '') };
    });
    return { name, mode: 'chat', deployments: called };
  }
  return null;
}

/** In the place of all deployments here, but for those of `elsewhere`. */
export const place = placeOf('us-chicago-1');
export const otherPlace = placeOf('eu-frankfurt-1');

export function elsewhere(name: string, model: string): Deployment {
  const here = deployment(name, model);
  return { ...here, id: `${here.id} elsewhere`, target: { ...ociTarget, region: 'eu-frankfurt-1' } };
}

function placeOf(region: string): string {
  return placeIdOf({ ...ociTarget, region }) ?? '';
}

export function catalogModel(name: string, changes: Partial<CatalogModel> = {}): CatalogModel {
  return { name, mode: name.includes('embed') ? 'embedding' : 'chat', retiresAt: null, ...changes };
}
