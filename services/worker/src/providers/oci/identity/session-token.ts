import { identityRefused } from './identity-error.ts';

/** What OCI issues is about 2 KB. */
const tokenCharsMax = 16_384;

/** A token as OCI's services issue it: a JWT, whose claims say when it ends. */
export interface SessionToken {
  /** For the signature: `ST$` and the token. Secret. */
  readonly keyId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * Reads the end of a token's life. Its signature is not checked: that is the service's business.
 *
 * @param who for the error, which does not repeat the token
 * @throws ProviderError for what is no JWT with an `exp`
 */
export function readSessionToken(text: string, who: string): SessionToken {
  const token = text.trim(); // files end in a newline, which no header may hold
  const [, claims] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  const exp = claims === undefined || token.length > tokenCharsMax ? null : expOf(claims);
  if (exp === null) throw identityRefused(`${who}: it is not a session token (a JWT that says when it expires).`);
  return { keyId: `ST$${token}`, expiresAt: exp * 1000 };
}

/** Seconds since the epoch. What JSON.parse throws repeats the text, so it is dropped. */
function expOf(claims: string): number | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const exp = typeof parsed === 'object' && parsed !== null && 'exp' in parsed ? parsed.exp : null;
    return typeof exp === 'number' && Number.isFinite(exp) ? exp : null;
  } catch {
    return null;
  }
}
