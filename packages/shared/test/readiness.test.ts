import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkReadiness } from '../src/readiness.ts';

const here = async () => {};
const away = async () => {
  throw new Error('away');
};

for (const [what, needed, told, ready] of [
  ['all parts answer', { queue: here }, { files: here }, true],
  ['a part that is only told of does not', { queue: here }, { files: away }, true],
  ['one that is needed does not', { queue: away }, { files: here }, false],
  ['neither does', { queue: away }, { files: away }, false],
] as const) {
  test(`readiness: ${what}`, async () => {
    const state = (ping: typeof here) => (ping === here ? 'ok' : 'unavailable');
    assert.deepEqual(await checkReadiness(needed, told), {
      ready,
      parts: { queue: state(needed.queue), files: state(told.files) },
    });
  });
}
