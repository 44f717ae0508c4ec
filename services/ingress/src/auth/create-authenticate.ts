import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { KeyHash } from '@sluice/shared/ids.ts';
import type { Authenticated, VirtualKey } from './authenticated.ts';
import { sha256 } from './hash-key.ts';
import { KeyCache, type KeyCacheLimits } from './key-cache.ts';
import { keyFromHeaders } from './key-from-headers.ts';
import { lastFour, maskKey, maskText } from './mask-key.ts';
import { WrongKeys } from './wrong-keys.ts';

export interface AuthenticateDeps {
  /** Any text; it does not have to look like a virtual key. */
  readonly masterKey: string;
  readonly findVirtualKey: (hash: KeyHash) => Promise<VirtualKey | null>;
  readonly now: () => number;
  readonly cache: KeyCacheLimits;
}

/**
 * Names the caller of a request, or throws why there is none.
 *
 * @param address the client's, by which wrong keys are counted; absent: they are not
 */
export type Authenticate = (headers: IncomingHttpHeaders, address?: string) => Promise<Authenticated>;

/** The master key, as the books name it. */
export const masterKeyName = 'litellm_proxy_master_key';

const operator: Caller = {
  keyHash: masterKeyName,
  keyAlias: null,
  keyName: null,
  userId: 'default_user_id',
  teamId: null,
  organizationId: null,
  metadata: {},
};

/**
 * A key that was deleted, blocked or changed anywhere stops working here within `cache.freshMs` plus one look-up,
 * less than a second with 500 ms; without any message between processes.
 *
 * @returns `invalidate`: for a process that has changed a key, so that it sees its own write at once
 */
export function createAuthenticate({ masterKey, findVirtualKey, now, cache }: AuthenticateDeps): {
  authenticate: Authenticate;
  invalidate: (hash: KeyHash) => void;
} {
  if (masterKey === '') throw new Error('There is no master key: everybody would be the operator.');
  const masterDigest = sha256(masterKey);
  const keys = new KeyCache({ findVirtualKey, now, limits: cache });
  const wrongKeys = new WrongKeys({ now });

  return {
    invalidate: (hash) => keys.invalidate(hash),
    async authenticate(headers, address) {
      const rawKey = keyFromHeaders(headers);
      const digest = sha256(rawKey);
      // Both sides hashed: equal length, and the time that it takes says nothing about the master key.
      if (timingSafeEqual(digest, masterDigest)) return { role: 'proxy_admin', caller: operator, key: null };

      const hash = KeyHash.parse(digest.toString('hex'));
      if (address !== undefined && !keys.hasMet(hash)) wrongKeys.require(address, hash);
      const isKey = rawKey.startsWith('sk-');
      const key = isKey ? await keys.find(hash) : null;
      if (key === null) {
        if (address !== undefined) wrongKeys.wrong(address, hash);
        throw isKey ? unknown(rawKey, hash) : notAKey(rawKey);
      }
      if (key.blocked) throw blocked();
      if (key.expiresAt !== null && key.expiresAt <= now()) throw expired(rawKey, key.expiresAt, now());
      return { role: 'key', caller: callerOf(key), key };
    },
  };
}

function callerOf({ hash, keyAlias, keyName, userId, teamId, organizationId, metadata }: VirtualKey): Caller {
  return { keyHash: hash, keyAlias, keyName, userId, teamId, organizationId, metadata };
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

function blocked(): GatewayError {
  return new GatewayError(
    'key_blocked',
    "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
  );
}

function expired(rawKey: string, expiresAt: number, now: number): GatewayError {
  return new GatewayError(
    'key_expired',
    `Authentication Error - Expired Key. Key Expiry time ${new Date(expiresAt).toISOString()} ` +
      `and current time ${new Date(now).toISOString()}`,
    { param: lastFour(rawKey) },
  );
}
