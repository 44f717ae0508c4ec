import { createPrivateKey } from 'node:crypto';
import { identityRefused } from './identity-error.ts';
import type { ObtainedIdentity } from './renewing-signer.ts';
import { readSessionToken } from './session-token.ts';

/** What files or variables hold of an identity, as text. All of it is secret but a key id that is no token. */
export interface IdentityTexts {
  /** `<tenancy>/<user>/<fingerprint>`, or a session token. */
  readonly signsAs: { readonly keyId: string } | { readonly sessionToken: string };
  readonly keyPem: string;
  readonly passphrase: string | null;
}

/**
 * Turns texts into an identity, and the same texts into the same one: parsing a key costs as much as two signatures,
 * and who signs can tell by it that nothing has changed.
 */
export function createIdentityReader(who: string): (texts: IdentityTexts) => ObtainedIdentity {
  let last: { readonly texts: string; readonly obtained: ObtainedIdentity } | null = null;
  return (texts) => {
    const text = JSON.stringify(texts);
    if (last?.texts === text) return last.obtained;
    const { signsAs, keyPem, passphrase } = texts;
    const { keyId, expiresAt } =
      'keyId' in signsAs
        ? { keyId: signsAs.keyId, expiresAt: Number.POSITIVE_INFINITY }
        : readSessionToken(signsAs.sessionToken, who);
    const obtained = { identity: { keyId, privateKey: readKey(who, keyPem, passphrase) }, expiresAt };
    last = { texts: text, obtained };
    return obtained;
  };
}

function readKey(who: string, keyPem: string, passphrase: string | null) {
  try {
    const key = createPrivateKey({ key: keyPem, ...(passphrase !== null && { passphrase }) });
    if (key.asymmetricKeyType !== 'rsa') throw new Error(`it is ${key.asymmetricKeyType}, not RSA`);
    return key;
  } catch (error) {
    throw identityRefused(`${who}: the private key cannot be read; check it and its passphrase.`, error);
  }
}
