import { generateKeyPairSync } from 'node:crypto';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import type { SimulatedIdentity } from '../oci-simulator/identity.ts';
import { openOkeTokenService } from '../oci-simulator/principals/oke-token-service.ts';
import type { OciSimulator } from '../oci-simulator/simulator.ts';

/** What a machine, a function, a pod or a laptop gives a gateway that is to be someone to OCI. */
export interface GivenIdentity {
  /** In `litellm_params`. */
  readonly params: Record<string, string>;
  readonly env: Record<string, string>;
}

interface Surroundings {
  readonly user: SimulatedIdentity;
  readonly simulator: OciSimulator;
  /** The gateway's home. */
  readonly home: string;
  /** Ends with the gateway. */
  readonly stack: AsyncDisposableStack;
}

/** Prepares the surroundings for one kind of identity. */
export function giveIdentity(type: OciIdentity['type'], around: Surroundings): Promise<GivenIdentity> {
  return kinds[type](around);
}

const kinds: Readonly<Record<OciIdentity['type'], (around: Surroundings) => Promise<GivenIdentity>>> = {
  async api_key({ user }) {
    return {
      params: {
        oci_tenancy: user.tenancy,
        oci_user: user.user,
        oci_fingerprint: user.fingerprint,
        oci_key: 'os.environ/OCI_KEY',
      },
      env: { OCI_KEY: user.keyPem },
    };
  },

  async config_file({ user, home }) {
    const lines = [`user=${user.user}`, `fingerprint=${user.fingerprint}`, 'key_file=~/.oci/key.pem'];
    await writeOciConfig(home, user, ['[GATEWAY]', ...lines]);
    await writeFile(path.join(home, '.oci', 'key.pem'), user.keyPem);
    return { params: { oci_auth: 'config_file', oci_config_profile: 'GATEWAY' }, env: {} };
  },

  async session_token({ user, simulator, home }) {
    const { publicKey, keyPem } = newSession();
    const [keyFile, tokenFile] = [path.join(home, 'session.pem'), path.join(home, 'session.token')];
    const lines = [`fingerprint=${user.fingerprint}`, `key_file=${keyFile}`, `security_token_file=${tokenFile}`];
    await writeOciConfig(home, user, ['[CLI]', ...lines]);
    await writeFile(keyFile, keyPem);
    await writeFile(tokenFile, `${await simulator.principals.issue(publicKey)}\n`);
    return { params: { oci_auth: 'session_token', oci_config_profile: 'CLI' }, env: {} };
  },

  async instance_principal({ simulator: { url } }) {
    return {
      params: { oci_auth: 'instance_principal' },
      env: { OCI_METADATA_BASE_URL: `${url}/opc/v2`, OCI_SDK_AUTH_CLIENT_REGION_URL: url },
    };
  },

  async resource_principal({ simulator }) {
    const { publicKey, keyPem } = newSession();
    return {
      params: { oci_auth: 'resource_principal' },
      env: {
        OCI_RESOURCE_PRINCIPAL_VERSION: '2.2',
        OCI_RESOURCE_PRINCIPAL_RPST: await simulator.principals.issue(publicKey),
        OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM: keyPem,
      },
    };
  },

  async oke_workload_identity({ simulator, home, stack }) {
    const service = stack.use(await openOkeTokenService(simulator.principals));
    const [caFile, tokenFile] = [path.join(home, 'ca.crt'), path.join(home, 'token')];
    await writeFile(caFile, service.caPem);
    await writeFile(tokenFile, service.accountToken);
    return {
      params: { oci_auth: 'oke_workload_identity' },
      env: {
        KUBERNETES_SERVICE_HOST: service.host,
        KUBERNETES_SERVICE_PORT_PROXYMUX: String(service.port),
        OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH: caFile,
        OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH: tokenFile,
      },
    };
  },
};

/** A profile of OCI's own configuration file, as its command line writes it: what profiles share stands in DEFAULT. */
async function writeOciConfig(home: string, { tenancy }: SimulatedIdentity, lines: readonly string[]): Promise<void> {
  const folder = path.join(home, '.oci');
  const made = await mkdir(folder, { recursive: true });
  const first = made === undefined ? [] : ['[DEFAULT]', `tenancy=${tenancy}`];
  await appendFile(path.join(folder, 'config'), [...first, ...lines, ''].join('\n'));
}

function newSession() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { publicKey, keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}
