import type { OciApiKey } from '@sluice/shared/config/gateway-config.ts';
import { signingIdentityOf } from '../signing.ts';
import type { SigningIdentity } from '../signing.ts';
import { identityRefused } from './identity-error.ts';
import type { OciSigner } from './oci-signer.ts';

/** A key from the configuration: there is never another one to be had. */
export function createApiKeySigner(apiKey: OciApiKey): OciSigner {
  let identity: SigningIdentity | null = null;
  return {
    current() {
      try {
        identity ??= signingIdentityOf(apiKey);
        return identity;
      } catch (error) {
        return Promise.reject(identityRefused('The private key of the deployment cannot be read.', error));
      }
    },
    refused: () => Promise.resolve(false),
  };
}
