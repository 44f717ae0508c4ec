import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseDeployment } from '../../src/routing/choose-deployment.ts';
import { deployment } from '../pipeline/recording-deps.ts';

function aliasOf(weights: Readonly<Record<string, number | null>>) {
  const deployments = Object.entries(weights).map(([id, weight]) => deployment('sample', id, { weight }));
  return { name: 'sample', mode: 'chat', deployments } as const;
}

const cases = [
  { weights: { A: null }, failed: [], picks: { 0: 'A', 0.999: 'A' }, why: 'the only one' },
  { weights: { A: null, B: null }, failed: [], picks: { 0: 'A', 0.49: 'A', 0.5: 'B', 0.999: 'B' }, why: 'evenly' },
  { weights: { A: 3, B: 1 }, failed: [], picks: { 0: 'A', 0.74: 'A', 0.75: 'B' }, why: 'by weight' },
  { weights: { A: null, B: 1 }, failed: [], picks: { 0: 'B', 0.999: 'B' }, why: 'no weight beside a weight is none' },
  { weights: { A: 1, B: null }, failed: ['A'], picks: { 0: 'B' }, why: 'but better than one that failed' },
  { weights: { A: 1, B: 1, C: 1 }, failed: ['B'], picks: { 0: 'A', 0.49: 'A', 0.5: 'C' }, why: 'untried ones first' },
  { weights: { A: 1, B: 1 }, failed: ['A', 'B'], picks: { 0: 'A', 0.9: 'B' }, why: 'again when all have failed' },
  { weights: { A: 0, B: 0 }, failed: [], picks: { 0: 'A', 0.9: 'B' }, why: 'evenly, when all weigh nothing' },
  {
    weights: { A: 0.1, B: 0.2, C: 0.3, D: null },
    failed: [],
    picks: { [1 - 2 ** -53]: 'C' },
    why: 'rounding is not a weight',
  },
] as const;

for (const { weights, failed, picks, why } of cases) {
  test(`deployment: ${why}`, () => {
    for (const [random, id] of Object.entries(picks)) {
      assert.equal(chooseDeployment(aliasOf(weights), new Set(failed), () => Number(random)).id, id, `at ${random}`);
    }
  });
}
