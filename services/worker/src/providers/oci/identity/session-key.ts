import { generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

/** A key pair that lives as long as one token, and in memory only. */
export interface SessionKey {
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo in base64, as OCI's services want it: PEM without its frame. */
  readonly publicKey: string;
}

/** On the thread pool: finding the primes takes about 0.2 s, in which the event loop relays answers. */
export async function createSessionKey(): Promise<SessionKey> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 });
  return { privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') };
}
