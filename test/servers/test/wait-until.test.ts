import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '../wait-until.ts';

test('waits for a value, past refusals and exceptions, and returns it', async () => {
  const answers = [() => false, () => undefined, () => assert.fail('not yet'), () => 0];
  const value = await waitUntil(() => answers.shift()?.(), { what: 'an answer' });
  assert.equal(value, 0, 'zero is a value, not a refusal');
});

test('fails at the deadline with what was waited for and the last exception', async () => {
  const last = new Error('still closed');
  const waiting = waitUntil(() => Promise.reject(last), { what: 'the door is open', deadlineMs: 50 });
  await assert.rejects(waiting, { message: 'Not within 50 ms: the door is open.', cause: last });
});

test('keeps its deadline when the condition never returns', async () => {
  const waiting = waitUntil(() => new Promise<boolean>(() => undefined), { what: 'an echo', deadlineMs: 50 });
  await assert.rejects(waiting, { message: 'Not within 50 ms: an echo.' });
});
