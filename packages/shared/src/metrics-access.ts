import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from './errors.ts';

export interface MetricsAccess {
  /** False: anybody who reaches the port may read. */
  readonly authenticated: boolean;
  /** Each of them opens the page; null or empty: there is none. With none at all nobody may read. */
  readonly tokens: readonly (string | null)[];
}

/**
 * Who may read `/metrics`, the same in every process: it tells the names of models and keys, and how much is called.
 *
 * @returns throws GatewayError metrics_refused unless `Authorization: Bearer` has one of the tokens
 */
export function createRequireMetricsAccess(access: MetricsAccess): (headers: IncomingHttpHeaders) => void {
  const digests = access.tokens.filter((token) => token !== null && token !== '').map((token) => sha256(token ?? ''));
  return ({ authorization }) => {
    if (!access.authenticated) return;
    const given = sha256(/^Bearer +(\S.*?) *$/i.exec(authorization ?? '')?.[1] ?? '');
    // Hashed: equal length. All of them are compared, and the time that it takes says nothing about any.
    const fitting = digests.filter((digest) => timingSafeEqual(digest, given));
    if (fitting.length === 0) throw refused();
  };
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
