import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { goodAnswer, Recording, refusal } from './recording-deps.ts';

const perhapsBilled = [refusal('provider_timeout', { mayBeBilled: true })];

/** One call that may have been billed, and one that answers. */
async function booksWith(priceFactorPpm?: number) {
  const job = priceFactorPpm === undefined ? {} : { priceFactorPpm };
  const run = new Recording({ job, scripts: [perhapsBilled, goodAnswer] });
  await run.run();
  const events = [...run.booked.values()];
  const [again] = run.reserveRequests;
  assert.ok(again);
  return {
    costs: events.map((event) => usageCostNanoUsd(event)),
    sources: events.map(({ priceSource }) => priceSource),
    reserved: { input: again.inputCostNanoUsd, output: again.outputNanoUsdPerMillion },
    told: run.lastEvent?.type === 'answer-end' ? run.lastEvent.costNanoUsd : null,
  };
}

test('price factor: a lost call’s ceiling, the second reservation, the row and the answer are at the factor’s price', async () => {
  const [full, half] = [await booksWith(), await booksWith(500_000)];
  assert.equal(full.costs.length, 2);
  assert.ok(full.costs.every((cost) => cost > 0));
  assert.deepEqual(
    half.costs,
    full.costs.map((cost) => cost / 2),
  );
  assert.deepEqual(half.reserved, { input: full.reserved.input / 2, output: full.reserved.output / 2 });
  assert.equal(half.told, half.costs[1]);
  assert.deepEqual(
    half.sources,
    full.sources.map((source) => `${source} x 0.5`),
  );
});
