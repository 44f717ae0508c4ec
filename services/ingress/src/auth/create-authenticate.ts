import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '@sluice/shared/errors.ts';
import { KeyHash } from '@sluice/shared/ids.ts';
import { WrongKeys } from '@sluice/shared/wrong-keys.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Authenticated } from './authenticated.ts';
import { sha256 } from './hash-key.ts';
import { keyFromHeaders } from './key-from-headers.ts';
import { KnownAmong, type FindKnown } from './known-among.ts';
import { LookupCache, type CacheLimits } from './lookup-cache.ts';
import { lastFour, maskKey, maskText } from './mask-key.ts';
import { asOperator, requireUsable } from './require-usable.ts';

export interface AuthenticateDeps {
  /** Any text; it does not have to look like a virtual key. */
  readonly masterKey: string;
  readonly findPrincipal: (hash: KeyHash) => Promise<Principal | null>;
  /** Those of many keys that there are. */
  readonly findKnown: FindKnown;
  readonly now: () => number;
  readonly cache: CacheLimits;
  /** Shared with what else takes secrets; absent: of its own. */
  readonly wrongKeys?: WrongKeys;
}

/** Names the caller of a request, or throws why there is none. */
export type Authenticate = (request: AuthenticateRequest) => Promise<Authenticated>;

export interface AuthenticateRequest {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  /** The client's address, by which wrong keys are counted; absent: they are not. */
  readonly ip?: string | undefined;
}

/**
 * A key that was deleted, blocked or changed anywhere, or what it belongs to, is noticed here within `cache.freshMs`
 * plus one look-up, less than a second with 500 ms; without any message between processes.
 *
 * @returns `invalidate`: for a process that has changed a key, so that it sees its own write at once;
 * `invalidateAll`: the same for one that has changed what keys belong to
 */
export function createAuthenticate({
  masterKey,
  findPrincipal,
  findKnown,
  now,
  cache,
  wrongKeys = new WrongKeys({ now }),
}: AuthenticateDeps): {
  authenticate: Authenticate;
  invalidate: (hash: KeyHash) => void;
  invalidateAll: () => void;
} {
  if (masterKey === '') throw new Error('There is no master key: everybody would be the operator.');
  const masterDigest = sha256(masterKey);
  const principals = new LookupCache({ what: 'key', find: findPrincipal, now, limits: cache });
  const known = new KnownAmong(findKnown);

  return {
    invalidate: (hash) => principals.invalidate(hash),
    invalidateAll: () => principals.invalidateAll(),
    async authenticate({ headers, path, ip }) {
      const rawKey = keyFromHeaders(headers);
      const digest = sha256(rawKey);
      // Both sides hashed: equal length, and the time that it takes says nothing about the master key.
      if (timingSafeEqual(digest, masterDigest)) {
        return asOperator;
      }

      const hash = KeyHash.parse(digest.toString('hex'));
      const isKey = rawKey.startsWith('sk-');
      const find = async () => (isKey ? principals.find(hash) : null);
      const watch = async (from: string) => {
        try {
          return await wrongKeys.watch(from, hash, find);
        } catch (error) {
          // Others may share the address with whoever guesses: a key that there is gets in.
          const isGuess = !isKey || !isHeldUp(error) || wrongKeys.wasWrong(from, hash);
          if (isGuess || !(await known.has(hash))) throw error;
          return find();
        }
      };
      const isWatched = ip !== undefined && !principals.hasMet(hash) && !principals.isUnknown(hash);
      const principal = await (isWatched ? watch(ip) : find());
      if (principal === null) throw isKey ? unknown(rawKey, hash) : notAKey(rawKey);
      return requireUsable(principal, { path, now: now(), lastFour: lastFour(rawKey) });
    },
  };
}

function isHeldUp(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'too_many_wrong_keys';
}

// The texts: litellm-contract.md §5.2. Clients match on them.

function notAKey(rawKey: string): GatewayError {
  return new GatewayError(
    'key_malformed',
    `LiteLLM Virtual Key expected. Received=${maskText(rawKey)}, expected to start with 'sk-'.`,
  );
}

function unknown(rawKey: string, hash: KeyHash): GatewayError {
  return new GatewayError(
    'key_unknown',
    `Authentication Error, Invalid proxy server token passed. Received API Key = ${maskKey(rawKey)}, ` +
      `Key Hash (Token) =${hash.slice(0, 8)}.... Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
    { param: 'key' },
  );
}
