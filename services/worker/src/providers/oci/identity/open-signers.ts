import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import type { OciApiKey, OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { createApiKeySigner } from './api-key-signer.ts';
import { createConfigFile } from './config-file.ts';
import { createInstancePrincipal } from './instance-principal.ts';
import type { OciSigner, OciSigners } from './oci-signer.ts';
import { createOkeWorkloadIdentity } from './oke-workload-identity.ts';
import { RenewingSigner } from './renewing-signer.ts';
import type { IdentitySource } from './renewing-signer.ts';
import { createResourcePrincipal } from './resource-principal.ts';

export interface OciSignersOptions {
  /** What OCI's platforms and SDKs tell their identities by; see docs/identities.md for the names. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** Opens no file and no connection: each identity does with its first use. */
export function openSigners(options: OciSignersOptions): OciSigners {
  const { env, log, now = Date.now, random = Math.random } = options;
  const signers = new Map<string, OciSigner>();
  const stack = new AsyncDisposableStack();

  return {
    signerFor(identity) {
      const key = keyOf(identity);
      const known = signers.get(key);
      if (known) return known;
      const signer =
        identity.type === 'api_key'
          ? createApiKeySigner(identity)
          : stack.use(new RenewingSigner(sourceOf(identity, env, now), { log, now, random }));
      signers.set(key, signer);
      return signer;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** An empty variable, as Compose passes for one that is not set, is none. */
function sourceOf(
  identity: Exclude<OciIdentity, OciApiKey>,
  env: OciSignersOptions['env'],
  now: () => number,
): IdentitySource {
  const from = (name: string) => env[name] || null;
  switch (identity.type) {
    case 'config_file':
    case 'session_token':
      return createConfigFile({
        file: identity.file,
        profile: identity.profile,
        needsSessionToken: identity.type === 'session_token',
        usualFile: from('OCI_CONFIG_FILE'),
        home: from('HOME') ?? homedir(),
      });
    case 'instance_principal':
      return createInstancePrincipal({
        metadataUrl: from('OCI_METADATA_BASE_URL'),
        authUrl: from('OCI_SDK_AUTH_CLIENT_REGION_URL'),
        now,
      });
    case 'resource_principal':
      return createResourcePrincipal({
        version: from('OCI_RESOURCE_PRINCIPAL_VERSION'),
        sessionToken: from('OCI_RESOURCE_PRINCIPAL_RPST'),
        privateKey: from('OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM'),
        passphrase: from('OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE'),
      });
    case 'oke_workload_identity':
      return createOkeWorkloadIdentity({
        host: from('KUBERNETES_SERVICE_HOST'),
        port: from('KUBERNETES_SERVICE_PORT_PROXYMUX'),
        caFile: from('OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH'),
        tokenFile: from('OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH'),
      });
  }
}

/** What tells identities apart; of secrets only a hash. */
function keyOf(identity: OciIdentity): string {
  if (identity.type !== 'api_key') return JSON.stringify(identity);
  const { privateKeyPem, passphrase, ...who } = identity;
  const secrets = createHash('sha256').update(JSON.stringify([privateKeyPem, passphrase]));
  return JSON.stringify([who, secrets.digest('hex')]);
}
