import type { Alias, Deployment, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { CatalogModel } from '@sluice/shared/contracts/model-catalog.ts';
import { fillWildcard, matchWildcard } from '../../src/models/wildcard.ts';

/** What must never be in an answer. */
export const secretPem = '-----BEGIN PRIVATE KEY----- the secret of these tests';

export function deployment(alias: string, model: string, changes: Partial<Deployment> = {}): Deployment {
  return {
    id: `${alias}@${model}`,
    alias,
    provider: 'oci',
    model,
    upstreamModel: model.replace(/^oci\//, ''),
    target: {
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
    },
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

/** @param aliases models, or whole deployments, by name, in order */
export function aliasesOf(
  aliases: Readonly<Record<string, readonly (string | Deployment)[]>>,
): Pick<GatewayConfig, 'aliases'> {
  const entries = Object.entries(aliases).map(([name, deployments]): [string, Alias] => [
    name,
    {
      name,
      mode: name.includes('embed') ? 'embedding' : 'chat',
      deployments: deployments.map((each) => (typeof each === 'string' ? deployment(name, each) : each)),
    },
  ]);
  return { aliases: new Map(entries) };
}

/** Exact names first, then wildcards in order; their deployments as they are called for this name. */
export function resolverOf({ aliases }: Pick<GatewayConfig, 'aliases'>): (name: string) => Alias | null {
  return (name) => {
    const exact = aliases.get(name);
    if (exact !== undefined) return exact;
    for (const alias of aliases.values()) {
      const captures = matchWildcard(alias.name, name);
      if (captures === null) continue;
      const deployments = alias.deployments.map((each) => {
        const model = fillWildcard(each.model, captures) ?? each.model;
        return { ...each, model, upstreamModel: model.replace(/^oci\//, '') };
      });
      return { ...alias, name, deployments };
    }
    return null;
  };
}

export function catalogModel(name: string, changes: Partial<CatalogModel> = {}): CatalogModel {
  return { name, mode: name.includes('embed') ? 'embedding' : 'chat', retiresAt: null, ...changes };
}
