import { Pool } from 'undici';

/** Shorter than the idle time of the load balancers we know, so that we close first. */
const keepAliveMs = 10_000;

export interface PoolLimits {
  /** Open at once; further requests wait for one within their time limits. */
  readonly connections: number;
  readonly connectMs: number;
}

/** Bounded connections to one origin. An exchange measures time by itself, so the pool has no limits but the connect. */
export function openPool(origin: string, { connections, connectMs }: PoolLimits): Pool {
  return new Pool(origin, {
    connections,
    connect: { timeout: connectMs },
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
  });
}
