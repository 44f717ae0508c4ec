import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RoutingStrategy } from '@sluice/shared/config/router-config.ts';
import { chooseDeployment } from '../../src/routing/choose-deployment.ts';
import type { Choice } from '../../src/routing/choose-deployment.ts';
import { deployment } from '../pipeline/recording-deps.ts';

const deploymentsOf = (changes: Readonly<Record<string, Partial<Deployment>>>) =>
  Object.entries(changes).map(([id, change]) => deployment('sample', id, change));

const choiceOf = (strategy: RoutingStrategy, point: number, changes: Partial<Choice> = {}): Choice => ({
  router: { strategy, lowestLatencyBuffer: 0 },
  stats: { inFlight: () => 0, tokensThisMinute: () => 0, latency: () => null },
  stream: false,
  admittedAt: 1_000,
  inputTokens: 10,
  outputTokens: 10,
  searchUnits: 0,
  random: () => point,
  ...changes,
});

const weight = (each: number | null) => ({ weight: each });
const rpm = (each: number) => ({ requestsPerMinute: each });
const tpm = (each: number) => ({ tokensPerMinute: each });

/** `picks`: who is chosen at which random number. */
const shuffles: {
  deployments: Record<string, Partial<Deployment>>;
  picks: Record<string, string>;
  why: string;
}[] = [
  { deployments: { A: {} }, picks: { 0: 'A', 0.999: 'A' }, why: 'the only one' },
  { deployments: { A: {}, B: {} }, picks: { 0: 'A', 0.49: 'A', 0.5: 'B', 0.999: 'B' }, why: 'evenly' },
  { deployments: { A: weight(3), B: weight(1) }, picks: { 0: 'A', 0.74: 'A', 0.75: 'B' }, why: 'by weight' },
  { deployments: { A: {}, B: weight(1) }, picks: { 0: 'B', 0.999: 'B' }, why: 'no weight beside a weight is none' },
  { deployments: { A: weight(0), B: weight(0) }, picks: { 0: 'A', 0.9: 'B' }, why: 'evenly when all weigh nothing' },
  { deployments: { A: rpm(1), B: rpm(3) }, picks: { 0.24: 'A', 0.25: 'B' }, why: 'by rpm' },
  { deployments: { A: tpm(900), B: tpm(100) }, picks: { 0.89: 'A', 0.9: 'B' }, why: 'by tpm' },
  {
    deployments: { A: { ...weight(1), ...rpm(9) }, B: { ...weight(1), ...rpm(1) } },
    picks: { 0.49: 'A', 0.5: 'B' },
    why: 'by weight before rpm',
  },
  { deployments: { A: rpm(1), B: tpm(1_000) }, picks: { 0: 'A', 0.999: 'A' }, why: 'by rpm before tpm' },
  {
    deployments: { A: weight(0.1), B: weight(0.2), C: weight(0.3), D: {} },
    picks: { [1 - 2 ** -53]: 'C' },
    why: 'rounding is not a weight',
  },
];

for (const { deployments, picks, why } of shuffles) {
  test(`simple-shuffle: ${why}`, () => {
    for (const [point, id] of Object.entries(picks)) {
      const choice = choiceOf('simple-shuffle', Number(point));
      assert.equal(chooseDeployment(deploymentsOf(deployments), choice).id, id, `at ${point}`);
    }
  });
}

const price = (input: number, output: number) => ({
  price: { inputNanoUsdPerMillion: input, outputNanoUsdPerMillion: output },
});

interface Scores {
  readonly inFlight?: Record<string, number>;
  readonly tokens?: Record<string, number>;
  readonly streams?: Record<string, number>;
  readonly wholes?: Record<string, number>;
}

const strategies: {
  strategy: RoutingStrategy;
  deployments: Record<string, Partial<Deployment>>;
  scores?: Scores;
  choice?: Partial<Choice>;
  picks: Record<string, string>;
  why: string;
}[] = [
  {
    strategy: 'least-busy',
    deployments: { A: weight(9), B: {}, C: {} },
    scores: { inFlight: { A: 2, B: 1, C: 1 } },
    picks: { 0: 'B', 0.49: 'B', 0.5: 'C' },
    why: 'the fewest calls in flight, whatever the weight',
  },
  {
    strategy: 'usage-based-routing-v2',
    deployments: { A: {}, B: {} },
    scores: { tokens: { A: 100, B: 99 } },
    picks: { 0: 'B', 0.99: 'B' },
    why: 'the fewest tokens this minute',
  },
  {
    strategy: 'latency-based-routing',
    deployments: { A: {}, B: {} },
    scores: { wholes: { A: 5, B: 4 }, streams: { A: 4, B: 5 } },
    picks: { 0: 'B', 0.99: 'B' },
    why: 'the lowest latency of whole answers',
  },
  {
    strategy: 'latency-based-routing',
    deployments: { A: {}, B: {} },
    scores: { wholes: { A: 5, B: 4 }, streams: { A: 4, B: 5 } },
    choice: { stream: true },
    picks: { 0: 'A', 0.99: 'A' },
    why: 'of streams for streams',
  },
  {
    strategy: 'latency-based-routing',
    deployments: { A: {}, B: {}, C: {} },
    scores: { wholes: { A: 100, B: 110, C: 111 } },
    choice: { router: { strategy: 'latency-based-routing', lowestLatencyBuffer: 0.1 } },
    picks: { 0: 'A', 0.49: 'A', 0.5: 'B', 0.99: 'B' },
    why: 'those within the buffer alike',
  },
  {
    strategy: 'latency-based-routing',
    deployments: { A: {}, B: {} },
    scores: { wholes: { A: 1 } },
    picks: { 0: 'B', 0.99: 'B' },
    why: 'what is not measured yet first',
  },
  {
    strategy: 'cost-based-routing',
    deployments: { A: price(1e9, 9e9), B: price(2e9, 4e9) },
    picks: { 0: 'B', 0.99: 'B' },
    why: 'the least that the request can cost',
  },
  {
    strategy: 'cost-based-routing',
    deployments: { A: price(1e9, 9e9), B: price(2e9, 4e9) },
    choice: { inputTokens: 10_000, outputTokens: 10 },
    picks: { 0: 'A', 0.99: 'A' },
    why: 'for a long prompt the cheaper input',
  },
  {
    strategy: 'cost-based-routing',
    deployments: {
      A: { ...price(1e9, 1e9), priceChanges: [{ from: 1_000, ...price(9e9, 9e9), priceSource: 'later' }] },
      B: price(2e9, 2e9),
    },
    picks: { 0: 'B', 0.99: 'B' },
    why: 'at the price of the moment of admission',
  },
  {
    strategy: 'cost-based-routing',
    deployments: { A: { price: { ...price(0, 0).price, searchNanoUsd: 2 } }, B: price(0, 0) },
    choice: { searchUnits: 1 },
    picks: { 0: 'B', 0.99: 'B' },
    why: 'searches too',
  },
];

for (const { strategy, deployments, scores = {}, choice, picks, why } of strategies) {
  test(`${strategy}: ${why}`, () => {
    const { inFlight, tokens, streams, wholes } = scores;
    const stats: Choice['stats'] = {
      inFlight: (id) => inFlight?.[id] ?? 0,
      tokensThisMinute: (id) => tokens?.[id] ?? 0,
      latency: (id, stream) => (stream ? streams : wholes)?.[id] ?? null,
    };
    for (const [point, id] of Object.entries(picks)) {
      const made = choiceOf(strategy, Number(point), { stats, ...choice });
      assert.equal(chooseDeployment(deploymentsOf(deployments), made).id, id, `at ${point}`);
    }
  });
}
