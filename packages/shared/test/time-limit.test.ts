import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../src/errors.ts';
import { withTimeLimit } from '../src/time-limit.ts';

const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };

test('time limit: what is in time is passed on, and no timer is left', async () => {
  assert.equal(await withTimeLimit('queue', 60_000, Promise.resolve('here')), 'here');
});

test('time limit: what does not come counts as down', async () => {
  await assert.rejects(withTimeLimit('queue', 5, new Promise(() => {})), unavailable);
});

test('time limit: what fails counts as down, with its error as the cause; an error of ours stays', async () => {
  const cause = new Error('connection refused');
  await assert.rejects(withTimeLimit('queue', 60_000, Promise.reject(cause)), { ...unavailable, cause });
  const ours = new GatewayError('overloaded', 'Too many.');
  await assert.rejects(withTimeLimit('queue', 60_000, Promise.reject(ours)), ours);
});

test('time limit: a failure that comes too late is not unhandled', async () => {
  const late = Promise.withResolvers<never>();
  await assert.rejects(withTimeLimit('queue', 5, late.promise), unavailable);
  late.reject(new Error('much later')); // the test runner fails a file with an unhandled rejection
});
