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

test('a condition that takes long is looked at for no more than a third of the time', async () => {
  let looks = 0;
  let lookingMs = 0;
  const since = performance.now();
  await waitUntil(
    () => {
      const begun = performance.now();
      while (performance.now() - begun < 30);
      lookingMs += performance.now() - begun;
      return (looks += 1) === 4;
    },
    { what: 'the fourth look' },
  );
  const waitedMs = performance.now() - since - lookingMs;
  assert.ok(waitedMs >= 3 * 55, `${looks} looks of 30 ms, and ${waitedMs} ms between them`);
});

test('keeps its deadline when the condition never returns', async () => {
  const waiting = waitUntil(() => new Promise<boolean>(() => undefined), { what: 'an echo', deadlineMs: 50 });
  await assert.rejects(waiting, { message: 'Not within 50 ms: an echo.' });
});
