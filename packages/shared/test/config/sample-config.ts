import { generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import { ConfigError } from '../../src/config/config-error.ts';
import type { GatewayConfig } from '../../src/config/gateway-config.ts';
import { loadGatewayConfig } from '../../src/config/load-config.ts';

export const keyPem = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;

/** An identity in the environment, so that an entry needs no more than a name and a model. */
export const ociEnv = {
  OCI_USER: 'ocid1.user.oc1..u',
  OCI_FINGERPRINT: 'aa:bb:cc',
  OCI_TENANCY: 'ocid1.tenancy.oc1..t',
  OCI_COMPARTMENT_ID: 'ocid1.compartment.oc1..c',
  OCI_KEY: keyPem,
};

export const fixture = (name: string) => path.join(import.meta.dirname, '__fixtures__', name);

export interface Outcome {
  readonly config: GatewayConfig | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

type Source = {
  readonly file?: string;
  readonly values?: Record<string, unknown>;
  readonly env?: Record<string, string>;
};

/** Loads a configuration and hands back all that it said. */
export async function load({ file, values = {}, env = ociEnv }: Source): Promise<Outcome> {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  try {
    const config = await loadGatewayConfig({ file: file ?? null, values, env, warn });
    return { config, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: null, problems: error.problems, warnings };
  }
}

/** A configuration of one model. */
export function oneModel(params: Record<string, unknown> = {}, info: Record<string, unknown> = {}) {
  return {
    model_list: [{ model_name: 'grok', litellm_params: { model: 'oci/xai.grok-4', ...params }, model_info: info }],
  };
}
