import type { Caller } from '@sluice/shared/contracts/caller.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Principal } from '../tenancy/principal.ts';
import { requireAllowedRoute } from './allowed-routes.ts';
import type { Authenticated } from './authenticated.ts';
import { RefusedKeyError } from './refused-key-error.ts';
import { roleOf } from './role-of.ts';

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

/** Who has the master key. */
export const asOperator: Authenticated = { role: 'proxy_admin', caller: operator, key: null, principal: null };

/** How a key is to be used. */
interface KeyUse {
  readonly path: string;
  readonly now: number;
  /** Of the key as it was sent. */
  readonly lastFour: string;
}

/**
 * The holder of a key that is known, if it may be used now.
 *
 * @throws RefusedKeyError key_blocked, key_expired, route_not_allowed, team_blocked
 */
export function requireUsable(principal: Principal, use: KeyUse): Authenticated {
  const authenticated = { role: roleOf(principal), caller: callerOf(principal), key: principal.key, principal };
  try {
    requireInForce(principal, use);
    return authenticated;
  } catch (error) {
    throw error instanceof GatewayError ? new RefusedKeyError(error, authenticated) : error;
  }
}

function requireInForce({ key, team, replacedUntil }: Principal, { path, now, lastFour }: KeyUse): void {
  if (key.blocked) throw blocked();
  const expiresAt = Math.min(key.expiresAt ?? Infinity, replacedUntil ?? Infinity);
  if (expiresAt <= now) throw expired(lastFour, expiresAt, now);
  requireAllowedRoute(key, path);
  if (team?.blocked === true) throw teamBlocked(team.teamId);
}

/** A key in a team is for the team's organization, whatever it says itself: none in a team evades that one's budget. */
function callerOf({ key, team, user, organization }: Principal): Caller {
  const { hash, keyAlias, keyName, userId, teamId, metadata } = key;
  const organizationId = team?.organizationId ?? key.organizationId ?? organization?.organizationId ?? null;
  const names = {
    ...(team?.teamAlias != null && { teamAlias: team.teamAlias }),
    ...(user?.userEmail != null && { userEmail: user.userEmail }),
  };
  return { keyHash: hash, keyAlias, keyName, userId, teamId, organizationId, ...names, metadata };
}

// The texts: litellm-contract.md §5.2. Clients match on them.

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

function expired(lastFour: string, expiresAt: number, now: number): GatewayError {
  return new GatewayError(
    'key_expired',
    `Authentication Error - Expired Key. Key Expiry time ${new Date(expiresAt).toISOString()} ` +
      `and current time ${new Date(now).toISOString()}`,
    { param: lastFour },
  );
}
