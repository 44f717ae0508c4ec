import type { Pool } from 'undici';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { openPool } from './open-pool.ts';

/** Bounded connections for each deployment, which open with its first request and live until disposal. */
export class DeploymentPools implements AsyncDisposable {
  readonly #connections: number;
  /** By entry and origin, because a new configuration may change the latter. */
  readonly #pools = new Map<string, Pool>();

  /** @param connections open at once per deployment; further requests wait for one within their time limits */
  constructor(connections: number) {
    this.#connections = connections;
  }

  /** The models of a wildcard share theirs. @param connectMs of the deployment's first request; it holds for all */
  poolOf({ id, entryId = id }: Pick<Deployment, 'id' | 'entryId'>, origin: string, connectMs: number): Pool {
    const key = `${entryId} ${origin}`;
    const known = this.#pools.get(key);
    if (known) return known;
    const pool = openPool(origin, { connections: this.#connections, connectMs });
    this.#pools.set(key, pool);
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}
