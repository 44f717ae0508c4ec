import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryIdempotencyStore } from '../../src/adapters/memory/memory-idempotency-store.ts';
import type { KeptAnswer } from '../../src/contracts/kept-answer.ts';
import { RequestId } from '../../src/ids.ts';
import type { IdempotencyStore } from '../../src/ports/idempotency-store.ts';
import { idempotencyStoreConformance } from '../conformance/idempotency-store.ts';

idempotencyStoreConformance('memory', async (times) => {
  const store = createMemoryIdempotencyStore(times);
  return { stores: [store, store], [Symbol.asyncDispose]: async () => {} };
});

const claimOf = (scope: string) => ({ scope, requestId: RequestId.parse(`chatcmpl-${scope}`) });
const scopes = ['a', 'b', 'c'];

async function run(store: IdempotencyStore, scope: string): Promise<void> {
  const claim = claimOf(scope);
  const events: KeptAnswer['events'] = [{ type: 'text-delta', choice: 0, text: 'the same in each' }];
  await store.begin(claim, 'body');
  await store.queue(claim, 1);
  await store.finish(claim, { version: 1, requestId: claim.requestId, callId: '', admittedAt: 1, events });
}

async function seen(store: IdempotencyStore, scope: string): Promise<string> {
  const begun = await store.begin(claimOf(scope), 'body');
  return begun.type === 'finished' && begun.answer === null ? 'finished, no answer' : begun.type;
}

test('memory idempotency: with too many records the oldest are gone before their time', async () => {
  const store = createMemoryIdempotencyStore({ recordsMax: 2 });
  for (const scope of scopes) await run(store, scope);
  assert.equal((await store.begin(claimOf('c'), 'body')).type, 'finished');
  assert.equal((await store.begin(claimOf('b'), 'body')).type, 'finished');
  assert.equal((await store.begin(claimOf('a'), 'body')).type, 'claimed');
});

test('memory idempotency: with too many bytes the oldest answers are gone, and are known to have been given', async () => {
  const store = createMemoryIdempotencyStore({ answerBytesMax: 300 });
  for (const scope of scopes) await run(store, scope);
  assert.deepEqual(await Promise.all(scopes.map((scope) => seen(store, scope))), [
    'finished, no answer',
    'finished',
    'finished',
  ]);
});
