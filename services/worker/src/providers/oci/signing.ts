import { createPrivateKey, hash, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { OciApiKey } from '@sluice/shared/config/gateway-config.ts';

/** Who signs. The key is parsed once: parsing the PEM costs twice as much as a signature. */
export interface SigningIdentity {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** @throws Error when the PEM or its passphrase is wrong; its message does not contain them */
export function signingIdentityOf({
  tenancy,
  user,
  fingerprint,
  privateKeyPem,
  passphrase,
}: OciApiKey): SigningIdentity {
  return {
    keyId: `${tenancy}/${user}/${fingerprint}`,
    privateKey: createPrivateKey({
      key: privateKeyPem,
      ...(passphrase === null ? {} : { passphrase }),
    }),
  };
}

export interface RequestToSign {
  /** As on the request line: path and query, not encoded again. */
  readonly target: string;
  readonly host: string;
  readonly date: Date;
}

/**
 * The headers that authenticate a POST of JSON: OCI's signature version 1, over the same headers in the same
 * order as the SDK signs them (oci-wire.md §2.1). `body` must be sent byte for byte; the signature is good for
 * five minutes.
 */
export async function signPost(
  identity: SigningIdentity,
  request: RequestToSign,
  body: Buffer,
): Promise<Record<string, string>> {
  const headers = {
    'x-date': request.date.toUTCString(),
    host: request.host,
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-content-sha256': hash('sha256', body, 'base64'),
  };
  const signature = await signatureOf(identity, postSigningString(request.target, headers));
  return {
    ...headers,
    authorization: authorization(
      identity,
      'x-date (request-target) host Content-Type Content-Length x-content-sha256',
      signature,
    ),
  };
}

/** The same as the auth service is asked: with `date`, and all names in lower case (oci-wire.md §2.5). */
export async function signFederationPost(
  identity: SigningIdentity,
  request: RequestToSign,
  body: Buffer,
): Promise<Record<string, string>> {
  const headers = {
    date: request.date.toUTCString(),
    host: request.host,
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-content-sha256': hash('sha256', body, 'base64'),
  };
  const signingString =
    `date: ${headers.date}\n` +
    `(request-target): post ${request.target}\n` +
    `host: ${headers.host}\n` +
    `content-type: ${headers['content-type']}\n` +
    `content-length: ${headers['content-length']}\n` +
    `x-content-sha256: ${headers['x-content-sha256']}`;
  const signature = await signatureOf(identity, signingString);
  const names = 'date (request-target) host content-type content-length x-content-sha256';
  return { ...headers, authorization: authorization(identity, names, signature) };
}

/** The same for a request without a body. */
export async function signGet(identity: SigningIdentity, request: RequestToSign): Promise<Record<string, string>> {
  const headers = { 'x-date': request.date.toUTCString(), host: request.host };
  const signature = await signatureOf(identity, getSigningString(request.target, headers));
  return { ...headers, authorization: authorization(identity, 'x-date (request-target) host', signature) };
}

export function postSigningString(
  target: string,
  headers: Readonly<Record<'x-date' | 'host' | 'content-type' | 'content-length' | 'x-content-sha256', string>>,
): string {
  return (
    `x-date: ${headers['x-date']}\n` +
    `(request-target): post ${target}\n` +
    `host: ${headers.host}\n` +
    `content-type: ${headers['content-type']}\n` +
    `content-length: ${headers['content-length']}\n` +
    `x-content-sha256: ${headers['x-content-sha256']}`
  );
}

export function getSigningString(target: string, headers: Readonly<Record<'x-date' | 'host', string>>): string {
  return `x-date: ${headers['x-date']}\n(request-target): get ${target}\nhost: ${headers.host}`;
}

/** On the thread pool: 0.4 ms per signature is 10,000 stream events that the event loop can relay meanwhile. */
function signatureOf(identity: SigningIdentity, signingString: string): Promise<string> {
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(signingString), identity.privateKey, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString('base64'));
    });
  });
}

function authorization(identity: SigningIdentity, names: string, signature: string): string {
  return `Signature version="1",keyId="${identity.keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`;
}
