import { isAbsolute } from 'node:path';
import { identityRefused } from './identity-error.ts';
import { readIdentityFile } from './identity-file.ts';
import { createIdentityReader } from './key-and-token.ts';
import type { IdentitySource } from './renewing-signer.ts';

/** `OCI_RESOURCE_PRINCIPAL_…`, as the platform sets them; each text is the content or an absolute path to it. */
export interface ResourcePrincipalOptions {
  readonly version: string | null;
  readonly sessionToken: string | null;
  readonly privateKey: string | null;
  readonly passphrase: string | null;
}

const who = 'resource principal';

/**
 * The token and key that a service of OCI gives to what runs in it (version 2.2; oci-wire.md §2.5). Files are read
 * again; contents in variables last as long as their token, and then take a new process.
 */
export function createResourcePrincipal(options: ResourcePrincipalOptions): IdentitySource {
  const { version, sessionToken, privateKey, passphrase } = options;
  const read = createIdentityReader(who);
  return {
    name: who,
    renewal: 'onUse',
    whenExpired: 'Files are read again when they change; a token in a variable takes a new process.',
    async obtain() {
      if (version !== '2.2') {
        const got = version === null ? 'is not set' : `is ${JSON.stringify(version.slice(0, 32))}`;
        throw identityRefused(`${who}: OCI_RESOURCE_PRINCIPAL_VERSION ${got}; 2.2 is needed.`);
      }
      if (!sessionToken || !privateKey) {
        const names = 'OCI_RESOURCE_PRINCIPAL_RPST and OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM';
        throw identityRefused(`${who}: ${names} must both be set.`);
      }
      const [token, keyPem, phrase] = await Promise.all([
        contentOf(sessionToken, 'the session token'),
        contentOf(privateKey, 'the private key'),
        passphrase ? contentOf(passphrase, 'the passphrase') : null,
      ]);
      return read({ signsAs: { sessionToken: token }, keyPem, passphrase: phrase?.trim() ?? null });
    },
  };
}

async function contentOf(value: string, what: string): Promise<string> {
  return isAbsolute(value) ? await readIdentityFile(value, `${who}: ${what}`) : value;
}
