import { createHash } from 'node:crypto';
import type { OciApiKey, OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import { createApiKeySigner } from './api-key-signer.ts';
import type { OciSigner } from './oci-signer.ts';

/** One signer for all that use the same identity. They live until this is disposed. */
export interface OciSigners extends AsyncDisposable {
  /** Does no I/O: that begins with the signer's first use. */
  signerFor(identity: OciIdentity): OciSigner;
}

export function openSigners(): OciSigners {
  const signers = new Map<string, OciSigner>();
  return {
    signerFor(identity) {
      const key = keyOf(identity);
      const known = signers.get(key);
      if (known) return known;
      const signer = open(identity);
      signers.set(key, signer);
      return signer;
    },
    [Symbol.asyncDispose]: async () => {
      signers.clear();
    },
  };

  function open(identity: OciIdentity): OciSigner {
    if (identity.type === 'api_key') return createApiKeySigner(identity);
    throw new Error(`identities of type ${identity.type} are not supported yet`);
  }
}

/** What tells identities apart, without their secrets. */
function keyOf(identity: OciIdentity): string {
  return JSON.stringify(identity.type === 'api_key' ? withoutSecrets(identity) : identity);
}

function withoutSecrets({ privateKeyPem, passphrase, ...rest }: OciApiKey) {
  const secrets = JSON.stringify([privateKeyPem, passphrase]);
  return { ...rest, secrets: createHash('sha256').update(secrets).digest('hex') };
}
