import { createPublicKey, hash, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { OciFailure } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';

/** A request as received: the raw request target, and the body's own bytes. */
export interface SignedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Checks the signatures of requests (§2.2) for a set of identities that may change. */
export interface SignatureVerifier {
  register(identity: RegisteredIdentity): void;
  forget(keyId: string): void;
  /** @throws OciFailure 401, the same for every reason */
  verify(request: SignedRequest): RegisteredIdentity;
}

export function createSignatureVerifier(
  identities: readonly RegisteredIdentity[],
  now: () => number,
): SignatureVerifier {
  const keys = new Map<string, { identity: RegisteredIdentity; key: KeyObject }>();
  const register = (identity: RegisteredIdentity): void => {
    keys.set(identity.keyId, { identity, key: createPublicKey(identity.publicKeyPem) });
  };
  for (const identity of identities) register(identity);

  return {
    register,
    forget: (keyId) => void keys.delete(keyId),
    verify: (request) => {
      const claim = readClaim(request.headers.authorization);
      const signer = claim && keys.get(claim.keyId);
      const valid =
        signer &&
        now() < (signer.identity.expiresAt ?? Number.POSITIVE_INFINITY) &&
        coversEnough(claim.names, request.method) &&
        isFresh(request.headers, claim.names, now()) &&
        isDigestRight(request) &&
        isSignatureRight(request, claim, signer.key);
      if (!valid) throw notAuthenticated();
      return signer.identity;
    },
  };
}

interface Claim {
  readonly keyId: string;
  /** Lower case, in the order of the signing string. */
  readonly names: readonly string[];
  readonly signature: string;
}

const clockSkewMs = 300_000;

function notAuthenticated(): OciFailure {
  const message = 'The required information to complete authentication was not provided or was incorrect.';
  return new OciFailure(401, message, { by: 'gateway' });
}

function readClaim(authorization: string | undefined): Claim | undefined {
  if (authorization === undefined || !/^signature\s/i.test(authorization)) return undefined;
  const keyId = valueIn(authorization, 'keyId');
  const headers = valueIn(authorization, 'headers');
  const signature = valueIn(authorization, 'signature');
  if (keyId === undefined || headers === undefined || signature === undefined) return undefined;
  if ((valueIn(authorization, 'version') ?? '1') !== '1') return undefined;
  if (valueIn(authorization, 'algorithm')?.toLowerCase() !== 'rsa-sha256') return undefined;
  return { keyId, names: headers.toLowerCase().split(' ').filter(Boolean), signature };
}

function valueIn(authorization: string, name: string): string | undefined {
  const start = authorization.indexOf(`${name}="`);
  if (start === -1 || !/[\s,]/.test(authorization[start - 1] ?? '')) return undefined;
  const from = start + name.length + 2;
  const end = authorization.indexOf('"', from);
  return end === -1 ? undefined : authorization.slice(from, end);
}

const alwaysSigned = ['(request-target)', 'host'];
const signedWithBody = [...alwaysSigned, 'content-length', 'content-type', 'x-content-sha256'];

function hasBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

function coversEnough(names: readonly string[], method: string): boolean {
  if (!names.includes('date') && !names.includes('x-date')) return false;
  return (hasBody(method) ? signedWithBody : alwaysSigned).every((name) => names.includes(name));
}

/** With both date headers present the signed one counts; with both signed, `x-date`. */
function isFresh(headers: IncomingHttpHeaders, names: readonly string[], now: number): boolean {
  const date = headerText(headers, names.includes('x-date') ? 'x-date' : 'date');
  if (date === undefined || !/^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(date)) return false;
  return Math.abs(now - Date.parse(date)) <= clockSkewMs;
}

function isDigestRight({ method, headers, body }: SignedRequest): boolean {
  if (!hasBody(method)) return true;
  const claimed = Buffer.from(headerText(headers, 'x-content-sha256') ?? '', 'base64');
  const actual = hash('sha256', body, 'buffer');
  return (
    claimed.length === actual.length &&
    timingSafeEqual(claimed, actual) &&
    headers['content-length'] === String(body.length)
  );
}

function isSignatureRight({ method, target, headers }: SignedRequest, claim: Claim, key: KeyObject): boolean {
  const lines: string[] = [];
  for (const name of claim.names) {
    const value = name === '(request-target)' ? `${method.toLowerCase()} ${target}` : headerText(headers, name);
    if (value === undefined) return false;
    lines.push(`${name}: ${value.trim()}`);
  }
  const signature = Buffer.from(claim.signature, 'base64');
  return verify('sha256', Buffer.from(lines.join('\n'), 'latin1'), key, signature);
}

function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
