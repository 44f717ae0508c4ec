import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError } from '../src/log.ts';

test('an error is logged with its causes and its plain fields, without the objects that a library has hung on it', () => {
  const cause = new Error('the socket has ended');
  const error = Object.assign(new Error('terminating connection', { cause }), {
    code: '57P01',
    retryable: true,
    client: { connectionParameters: { password: 'of the database' } },
    headers: { authorization: 'Bearer of somebody' },
  });
  const described = describeError(error);
  assert.ok(described !== null && typeof described === 'object');
  const { stack, ...fields } = { stack: '', ...described };
  assert.deepEqual(fields, {
    type: 'Error',
    message: 'terminating connection: the socket has ended',
    code: '57P01',
    retryable: true,
  });
  assert.match(stack, /log\.test\.ts/);
  assert.doesNotMatch(JSON.stringify(described), /of the database|of somebody/);
});

test('what is thrown and is no error is logged as it is', () => {
  assert.equal(describeError('no answer'), 'no answer');
});
