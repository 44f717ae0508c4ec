import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { relay } from '../../src/pipeline/relay.ts';
import { accepted, deployment, finish, text, usage } from './recording-deps.ts';

test('relay: a provider that goes on after the lock is lost writes to nobody, and is left', async () => {
  const written: TokenEvent[] = [];
  const lock = new AbortController();
  let left = false;
  async function* heedless() {
    try {
      yield [accepted, text('Hel')];
      lock.abort(new Error('another worker has it'));
      yield [text('lo'), finish, usage(1, 2)];
      assert.fail('asked for more');
    } finally {
      left = true;
    }
  }
  const end = await relay(
    heedless(),
    {
      writer: { write: (events) => void written.push(...events) },
      deployment: deployment('sample', 'A'),
      tries: { retries: 0, fallbacks: 0 },
      queueMs: 0,
    },
    { signal: lock.signal, now: () => 0 },
  );
  assert.deepEqual(written.slice(1), [text('Hel')]);
  assert.deepEqual([end.type, end.stopped, left], ['stopped', 'lock-lost', true]);
});
