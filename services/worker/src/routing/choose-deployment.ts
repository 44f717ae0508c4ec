import type { Alias, Deployment } from '@sluice/shared/config/gateway-config.ts';

/**
 * One of the alias's deployments, at random by weight; deployments without a weight get none of the traffic when
 * another has one (LiteLLM's simple-shuffle, contract §8.5).
 *
 * @param failed deployments that this request has tried: chosen only when nothing else is left
 * @param random in [0, 1)
 */
export function chooseDeployment(alias: Alias, failed: ReadonlySet<string>, random: () => number): Deployment {
  const untried = alias.deployments.filter(({ id }) => !failed.has(id));
  const open = untried.length > 0 ? untried : alias.deployments;
  const weighted = open.filter(({ weight }) => weight !== null && weight > 0);
  const candidates = weighted.length > 0 ? weighted : open;
  const weightOf = ({ weight }: Deployment) => (weighted.length > 0 ? (weight ?? 0) : 1);
  let point = random() * candidates.reduce((sum, each) => sum + weightOf(each), 0);
  for (const each of candidates) {
    point -= weightOf(each);
    if (point < 0) return each;
  }
  // The sum of the weights is not exact.
  const [last] = candidates.slice(-1);
  if (!last) throw new Error(`alias ${alias.name} has no deployments`);
  return last;
}
