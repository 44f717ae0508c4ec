import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { KeyHash } from '@sluice/shared/ids.ts';
import { WrongKeys } from '@sluice/shared/wrong-keys.ts';
import type { Principal } from '../tenancy/principal.ts';
import { requireAllowedRoute } from './allowed-routes.ts';
import type { Authenticated } from './authenticated.ts';
import { sha256 } from './hash-key.ts';
import { keyFromHeaders } from './key-from-headers.ts';
import { LookupCache, type CacheLimits } from './lookup-cache.ts';
import { lastFour, maskKey, maskText } from './mask-key.ts';
import { roleOf } from './role-of.ts';

export interface AuthenticateDeps {
  /** Any text; it does not have to look like a virtual key. */
  readonly masterKey: string;
  readonly findPrincipal: (hash: KeyHash) => Promise<Principal | null>;
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
 * A key that was deleted, blocked or changed anywhere, or what it belongs to, is noticed here within `cache.freshMs`
 * plus one look-up, less than a second with 500 ms; without any message between processes.
 *
 * @returns `invalidate`: for a process that has changed a key, so that it sees its own write at once;
 * `invalidateAll`: the same for one that has changed what keys belong to
 */
export function createAuthenticate({
  masterKey,
  findPrincipal,
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

  return {
    invalidate: (hash) => principals.invalidate(hash),
    invalidateAll: () => principals.invalidateAll(),
    async authenticate({ headers, path, ip }) {
      const rawKey = keyFromHeaders(headers);
      const digest = sha256(rawKey);
      // Both sides hashed: equal length, and the time that it takes says nothing about the master key.
      if (timingSafeEqual(digest, masterDigest)) {
        return { role: 'proxy_admin', caller: operator, key: null, principal: null };
      }

      const hash = KeyHash.parse(digest.toString('hex'));
      const isKey = rawKey.startsWith('sk-');
      const find = async () => (isKey ? principals.find(hash) : null);
      const isWatched = ip !== undefined && !principals.hasMet(hash) && !principals.isUnknown(hash);
      const principal = await (isWatched ? wrongKeys.watch(ip, hash, find) : find());
      if (principal === null) throw isKey ? unknown(rawKey, hash) : notAKey(rawKey);
      const { key, team, replacedUntil } = principal;
      if (key.blocked) throw blocked();
      const expiresAt = Math.min(key.expiresAt ?? Infinity, replacedUntil ?? Infinity);
      if (expiresAt <= now()) throw expired(rawKey, expiresAt, now());
      requireAllowedRoute(key, path);
      if (team?.blocked === true) throw teamBlocked(team.teamId);
      return { role: roleOf(principal), caller: callerOf(principal), key, principal };
    },
  };
}

function callerOf({ key, organization }: Principal): Caller {
  const { hash, keyAlias, keyName, userId, teamId, metadata } = key;
  const organizationId = key.organizationId ?? organization?.organizationId ?? null;
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

function teamBlocked(teamId: string): GatewayError {
  return new GatewayError(
    'team_blocked',
    `Authentication Error, Team=${teamId} is blocked. Update via \`/team/unblock\` if you're an admin.`,
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
