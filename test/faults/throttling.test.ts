import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runThrottledLoad } from '../load/throttled-provider.ts';

/**
 * The short form of `npm run bench:throttled`, which asks for 95 % and takes a minute and a half of the machine alone.
 * Here calls last 600 ms, so that 31 ms from the end of one to the start of the next are all that 95 % would leave, with
 * what it costs to find new room; two cores that run other tests beside clients, services, servers and the provider
 * take that long now and then, and no longer measuring makes them quicker.
 */
const usedLeast = 0.9;

test('a provider that takes few calls at a time is used to the full, and no client notices a 429', async (t) => {
  const { phases, statuses } = await runThrottledLoad({
    slots: 8,
    workers: 2,
    callMs: 600,
    say: (line) => t.diagnostic(line),
    phases: [
      { name: 'from the start', slots: 8, settleMs: 5_000, measureMs: 4_000 },
      { name: 'twice as many', slots: 16, settleMs: 6_000, measureMs: 3_000 },
    ],
  });
  assert.deepEqual([...statuses.keys()], [200]);
  for (const { name, used } of phases) assert.ok(used >= usedLeast, `${name}: ${used} of what the provider takes`);
});
