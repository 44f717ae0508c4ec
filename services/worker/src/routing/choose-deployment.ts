import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { priceAt } from '@sluice/shared/prices/price-at.ts';
import type { DeploymentStats } from './deployment-stats.ts';

/** What a choice may depend on. */
export interface Choice {
  readonly router: Pick<RouterSettings, 'strategy' | 'lowestLatencyBuffer'>;
  readonly stats: Pick<DeploymentStats, 'inFlight' | 'tokensThisMinute' | 'latency'>;
  readonly stream: boolean;
  /** When the request was admitted, and so priced; epoch milliseconds. */
  readonly admittedAt: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly searchUnits: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * One of several deployments by the configured strategy (contract §8.4). Of equals it takes one at random.
 *
 * @param candidates at least one
 */
export function chooseDeployment(candidates: readonly Deployment[], choice: Choice): Deployment {
  const [only] = candidates;
  if (only && candidates.length === 1) return only;
  const { stats } = choice;
  switch (choice.router.strategy) {
    case 'simple-shuffle':
      return atRandom(candidates, weightsOf(candidates), choice.random);
    case 'least-busy':
      return lowest(candidates, ({ id }) => stats.inFlight(id), choice);
    case 'usage-based-routing':
    case 'usage-based-routing-v2':
      return lowest(candidates, ({ id }) => stats.tokensThisMinute(id), choice);
    case 'latency-based-routing':
      // What has not been measured yet comes first, so that it is.
      return lowest(
        candidates,
        ({ id }) => stats.latency(id, choice.stream) ?? 0,
        choice,
        choice.router.lowestLatencyBuffer,
      );
    case 'cost-based-routing':
      return lowest(candidates, (deployment) => costOf(deployment, choice), choice);
    default:
      return choice.router.strategy satisfies never;
  }
}

/** By `weight`, `rpm` or `tpm`: the first that any of them has; those without it get none of the traffic. */
function weightsOf(candidates: readonly Deployment[]): readonly number[] {
  const kinds = (['weight', 'requestsPerMinute', 'tokensPerMinute'] as const).map((kind) =>
    candidates.map((deployment) => deployment[kind] ?? 0),
  );
  return kinds.find((weights) => weights.some((weight) => weight > 0)) ?? candidates.map(() => 1);
}

function atRandom(candidates: readonly Deployment[], weights: readonly number[], random: () => number): Deployment {
  let point = random() * weights.reduce((sum, weight) => sum + weight, 0);
  let chosen: Deployment | undefined;
  for (const [index, candidate] of candidates.entries()) {
    const weight = weights[index] ?? 0;
    if (weight > 0) chosen = candidate; // stays so should the sum of the weights not be exact
    point -= weight;
    if (point < 0) break;
  }
  if (!chosen) throw new Error('there is no deployment to choose from');
  return chosen;
}

/** @param buffer what is so much above the lowest is as good: 0.1 for a tenth */
function lowest(
  candidates: readonly Deployment[],
  scoreOf: (deployment: Deployment) => number,
  { random }: Choice,
  buffer = 0,
): Deployment {
  const scores = candidates.map(scoreOf);
  const most = Math.min(...scores) * (1 + buffer);
  const best = candidates.filter((_, index) => (scores[index] ?? 0) <= most);
  return atRandom(
    best,
    best.map(() => 1),
    random,
  );
}

/** The most that the request can cost there, with its prompt as long as it seems. */
function costOf(deployment: Deployment, { admittedAt, inputTokens, outputTokens, searchUnits }: Choice): number {
  return callCostNanoUsd({ inputTokens, outputTokens, searchUnits }, priceAt(deployment, admittedAt).price);
}
