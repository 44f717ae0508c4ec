import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCatalog, GatewayError, isErrorCode } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { outcomeOf } from '../../src/batches/outcome-of.ts';

const first = { tries: 0, isReplayed: false };
/** docs/decisions/0020-batches.md: what is told here has not failed; everything else is the line's result. */
const notResults = {
  'again, and the batch asks less': [
    'rate_limited',
    'wait_too_long',
    'queue_full',
    'overloaded',
    'all_deployments_in_cooldown',
    'provider_throttled',
    'dependency_unavailable',
  ],
  again: ['deadline_exceeded', 'stream_interrupted', 'internal'],
  pause: ['budget_exceeded', 'key_unknown', 'key_blocked', 'key_expired', 'team_blocked', 'route_not_allowed'],
} as const satisfies Record<string, readonly ErrorCode[]>;
const expected = new Map<string, string>(
  Object.entries(notResults).flatMap(([outcome, codes]) => codes.map((code) => [code, outcome] as const)),
);

for (const code of Object.keys(errorCatalog).filter(isErrorCode)) {
  test(`a line that is told ${code}: ${expected.get(code) ?? 'result'}`, () => {
    const outcome = outcomeOf(new GatewayError(code, 'told'), first);
    const slows = outcome.type === 'again' && outcome.batchRestsMs !== null;
    assert.equal(slows ? 'again, and the batch asks less' : outcome.type, expected.get(code) ?? 'result');
    const isWorthIt = errorCatalog[code].retryable || code === 'internal'; // a bug may be of one moment
    assert.ok(outcome.type !== 'again' || isWorthIt, 'nobody tries again what clients are told not to');
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
