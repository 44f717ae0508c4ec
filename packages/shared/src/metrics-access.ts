import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from './errors.ts';
import { KeyHash } from './ids.ts';
import type { WrongKeys } from './wrong-keys.ts';

export interface MetricsAccess {
  /** False: anybody who reaches the port may read. */
  readonly authenticated: boolean;
  /** Each of them opens the page; null or empty: there is none. With none at all nobody may read. */
  readonly tokens: readonly (string | null)[];
}

/**
 * Throws GatewayError metrics_refused unless `Authorization: Bearer` has one of the tokens; too_many_wrong_keys while too
 * many wrong ones come from the address, whatever this one is: else the answer to the right one would tell it.
 *
 * @param address the client's; absent: it is not counted
 */
export type RequireMetricsAccess = (headers: IncomingHttpHeaders, address: string | undefined) => Promise<void>;

/**
 * Who may read `/metrics`, the same in every process: it tells the names of models and keys, and how much is called.
 *
 * @param wrongKeys counts wrong tokens, with what else wrong came to this process
 */
export function createRequireMetricsAccess(access: MetricsAccess, wrongKeys: WrongKeys): RequireMetricsAccess {
  const digests = access.tokens.filter((token) => token !== null && token !== '').map((token) => sha256(token ?? ''));
  return async ({ authorization }, address) => {
    if (!access.authenticated) return;
    const token = /^Bearer +(\S.*?) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw refused(); // it guesses nothing
    const given = sha256(token);
    const find = async () => (isToken(given) ? true : null);
    const hash = KeyHash.parse(given.toString('hex'));
    const found = await (address === undefined ? find() : wrongKeys.watch(address, hash, find));
    if (found === null) throw refused();
  };

  function isToken(given: Buffer): boolean {
    // Hashed: equal length. All of them are compared, and the time that it takes says nothing about any.
    return digests.filter((digest) => timingSafeEqual(digest, given)).length > 0;
  }
}

function refused(): GatewayError {
  return new GatewayError(
    'metrics_refused',
    'Authentication Error, /metrics takes `Authorization: Bearer` with SLUICE_METRICS_TOKEN or the master key.',
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
