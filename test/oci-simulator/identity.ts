import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** Everything a client needs to sign as an API-key user of a simulated tenancy. */
export interface SimulatedIdentity {
  readonly tenancy: string;
  readonly user: string;
  /** MD5 of the DER public key, lower-case hex with colons (§2.1). */
  readonly fingerprint: string;
  readonly keyPem: string;
  readonly publicKeyPem: string;
  readonly compartmentId: string;
  readonly region: string;
  /** `<tenancy>/<user>/<fingerprint>` (§2.4). */
  readonly keyId: string;
}

/** What the simulator has to know of a signer. A SimulatedIdentity is one. */
export interface RegisteredIdentity {
  /** Any form of §2.4; `ST$<token>` is looked up as it is. */
  readonly keyId: string;
  readonly publicKeyPem: string;
  /** The one compartment, besides its tenancy, in which it may call. */
  readonly compartmentId: string;
  /** Absent: the first part of `keyId`. */
  readonly tenancy?: string;
  /** Epoch milliseconds from which it is refused with 401, for session tokens. */
  readonly expiresAt?: number;
}

/** A new user with a fresh RSA-2048 pair. Blocks for about 0.2 s: make few. */
export function createSimulatedIdentity(): SimulatedIdentity {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return identityFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** The user of a stored key. The same key always gives the same user. */
export function identityFromPem(keyPem: string): SimulatedIdentity {
  const publicKey = createPublicKey(createPrivateKey(keyPem));
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const fingerprint = createHash('md5')
    .update(der)
    .digest('hex')
    .replaceAll(/(..)(?!$)/g, '$1:');
  const unique = createHash('sha256').update(der).digest('hex').slice(0, 60);
  const tenancy = `ocid1.tenancy.oc1..${unique}`;
  const user = `ocid1.user.oc1..${unique}`;
  return {
    tenancy,
    user,
    fingerprint,
    keyPem,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    compartmentId: `ocid1.compartment.oc1..${unique}`,
    region: 'us-chicago-1',
    keyId: `${tenancy}/${user}/${fingerprint}`,
  };
}
