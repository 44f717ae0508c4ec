import type { Deployment, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { queueOf } from '@sluice/shared/config/resolve-alias.ts';

/** The deployments that the jobs of each queue are for. The queues of wildcards have none: clients name their models. */
export function deploymentsByQueue({ aliases }: Pick<GatewayConfig, 'aliases'>): ReadonlyMap<string, Deployment[]> {
  const byQueue = new Map<string, Deployment[]>();
  for (const alias of aliases.values()) {
    const deployments = byQueue.get(queueOf(alias)) ?? [];
    byQueue.set(queueOf(alias), deployments);
    for (const deployment of alias.deployments)
      if (!deployments.some(({ id }) => id === deployment.id)) deployments.push(deployment);
  }
  return byQueue;
}

/**
 * Jobs to work on at a time for deployments that take so many calls: what they take, so that the others wait in the
 * queue, where it is fair. And a few more, which are before or after their call; else a limit would never be used up.
 * Envoy's headroom is the square root of its limit too: what fluctuates around a mean grows like it.
 *
 * One at least: who takes none does not learn when there is room again.
 *
 * @param places of the deployments, for one lane
 * @param most the worker's own bound
 */
export function queueConcurrency(places: readonly number[], most: number): number {
  const taken = places.reduce((sum, each) => sum + each, 0);
  return Math.max(1, Math.min(most, taken + Math.ceil(Math.sqrt(taken))));
}
