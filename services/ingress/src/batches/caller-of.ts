import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import { LookupCache, type CacheLimits } from '../auth/lookup-cache.ts';
import { lastFour } from '../auth/mask-key.ts';
import { asOperator, masterKeyName, requireUsable } from '../auth/require-usable.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Batch } from './batch.ts';

export interface CallerOfDeps {
  readonly findPrincipal: (firstHash: string) => Promise<Principal | null>;
  readonly now: () => number;
  readonly cache: CacheLimits;
}

/**
 * In whose name the lines of a batch are run: that of the key that made it, or of the key that has replaced it since.
 *
 * @throws GatewayError key_unknown, key_blocked, key_expired, team_blocked, route_not_allowed, as a request with that
 *   key to the batch's endpoint; dependency_unavailable
 */
export type CallerOf = (batch: Pick<Batch, 'keyFirstHash' | 'endpoint'>) => Promise<Authenticated>;

export function createCallerOf({ findPrincipal, now, cache }: CallerOfDeps): CallerOf {
  const principals = new LookupCache({ what: 'key', find: findPrincipal, now, limits: cache });
  return async ({ keyFirstHash, endpoint }) => {
    if (keyFirstHash === masterKeyName) return asOperator;
    const principal = await principals.find(keyFirstHash);
    if (principal === null) throw new GatewayError('key_unknown', 'The key that made this batch is gone.');
    const { keyName } = principal.key;
    return requireUsable(principal, { path: endpoint, now: now(), lastFour: lastFour(keyName ?? '') });
  };
}
