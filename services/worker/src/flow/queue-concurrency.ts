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
 * @param limits of the deployments
 * @param most the worker's own bound
 */
export function queueConcurrency(limits: readonly number[], most: number): number {
  const taken = limits.reduce((sum, limit) => sum + limit, 0);
  return Math.min(most, taken + Math.ceil(Math.sqrt(taken)));
}
