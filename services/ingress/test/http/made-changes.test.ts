import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '@sluice/shared/errors.ts';
import { markChanged, withoutRepeat } from '../../src/http/made-changes.ts';

const away = new GatewayError('dependency_unavailable', 'Try again in a moment.', { retryAfterSeconds: 1 });
const refused = new GatewayError('not_found', 'There is none.');

test('who has changed something is not told to try again when the database is away afterwards', () => {
  const res = { locals: {} };
  assert.equal(withoutRepeat(away, res), away, 'nothing has happened yet');
  markChanged(res);
  const told = withoutRepeat(away, res);
  assert.ok(told instanceof GatewayError);
  assert.deepEqual([told.code, told.retryAfterSeconds, told.cause], ['outcome_unknown', null, away]);
  assert.equal(withoutRepeat(refused, res), refused, 'what else goes wrong is told as it is');
  assert.equal(withoutRepeat(away, { locals: {} }), away, 'another request has changed nothing');
});
