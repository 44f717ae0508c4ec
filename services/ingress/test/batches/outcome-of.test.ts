import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCatalog, GatewayError, isErrorCode } from '@sluice/shared/errors.ts';
import { outcomeOf } from '../../src/batches/outcome-of.ts';

const first = { tries: 0, isReplayed: false };
const notResults: Readonly<Record<string, 'again' | 'pause'>> = {
  rate_limited: 'again',
  wait_too_long: 'again',
  queue_full: 'again',
  overloaded: 'again',
  all_deployments_in_cooldown: 'again',
  provider_throttled: 'again',
  dependency_unavailable: 'again',
  deadline_exceeded: 'again',
  stream_interrupted: 'again',
  internal: 'again',
  budget_exceeded: 'pause',
  key_unknown: 'pause',
  key_blocked: 'pause',
  key_expired: 'pause',
  team_blocked: 'pause',
  route_not_allowed: 'pause',
};

for (const code of Object.keys(errorCatalog)) {
  if (!isErrorCode(code)) continue;
  test(`a line that is told ${code}: ${notResults[code] ?? 'result'}`, () => {
    assert.equal(outcomeOf(new GatewayError(code, 'told'), first).type, notResults[code] ?? 'result');
    assert.equal(outcomeOf(new GatewayError(code, 'told'), { tries: 0, isReplayed: true }).type, 'result', 'kept');
  });
}

test('a batch rests for as long as whoever throttles asks for, and a line waits longer each time', () => {
  const throttled = new GatewayError('provider_throttled', 'told', { retryAfterSeconds: 7 });
  assert.deepEqual(outcomeOf(throttled, first), {
    type: 'again',
    code: 'provider_throttled',
    afterMs: 7_000,
    batchRestsMs: 7_000,
  });
  const full = new GatewayError('queue_full', 'told');
  const waits = [0, 1, 2, 20].map((tries) => {
    const outcome = outcomeOf(full, { tries, isReplayed: false });
    return outcome.type === 'again' && outcome.afterMs;
  });
  assert.deepEqual(waits, [250, 500, 1_000, 30_000]);
});

test('what would be refused for ever, and a bug that stays, are the line’s result', () => {
  const tooLarge = new GatewayError('rate_limited', 'told', { headers: { 'x-should-retry': 'false' } });
  assert.equal(outcomeOf(tooLarge, first).type, 'result');
  const bug = new TypeError('x is undefined');
  assert.deepEqual(
    [0, 1, 2].map((tries) => outcomeOf(bug, { tries, isReplayed: false }).type),
    ['again', 'again', 'result'],
  );
});
