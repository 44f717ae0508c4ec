import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { accepted, configOf, deployment, price, Recording, refusal } from './recording-deps.ts';

const searched = deployment('sample', 'A', { price: { ...price, searchNanoUsd: 7 } });
const config = configOf({ sample: [searched] });
const rerank: Partial<InferenceJob> = {
  kind: 'rerank',
  stream: false,
  outputTokensCap: 0,
  searchUnits: 2,
  body: { inline: JSON.stringify({ model: 'sample', query: 'q', documents: ['abc', { text: 'de' }] }) },
};
const rank = { type: 'rank', index: 0, score: 0.5 } as const;

test('rerank: booked with its search units, its tokens estimated', async () => {
  const run = new Recording({ config, job: rerank, scripts: [[[accepted, rank]]] });
  await run.run();
  const [event] = run.booked.values();
  assert.deepEqual(
    [event?.callType, event?.outcome, event?.countedBy, event?.inputCharacters],
    ['arerank', 'completed', 'gateway', 6],
  );
  const usage = { inputTokens: 8, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0, searchUnits: 2 };
  assert.deepEqual(event?.usage, usage);
  assert.deepEqual(run.lastEvent, { type: 'answer-end', usage, costNanoUsd: 8 * 1_000 + 2 * 7 });
  run.assertClosed();
});

test('rerank: a call of which nothing is known is booked at a ceiling with the searches in it', async () => {
  const broken = refusal('provider_bad_gateway', { mayBeBilled: true });
  const run = new Recording({ config, job: { ...rerank, numRetries: 0 }, scripts: [[broken]] });
  await run.run();
  assert.deepEqual(run.books[0], `1:cut:provider_bad_gateway:${32 * 1_000 + 2 * 7}`);
});

test('rerank: a worker that died leaves the same ceiling', async () => {
  const run = new Recording({ config, job: rerank, scripts: [[[accepted, rank]]] });
  run.died({ type: 'call', call: 1, alias: 'sample', deploymentId: 'A', outputTokensCap: 0, startedAt: 1 });
  await run.run();
  assert.equal(run.books[0], `1:cut:stream_interrupted:${32 * 1_000 + 2 * 7}`);
  assert.equal(run.books[1], '2:completed::');
  run.assertClosed();
});

test('a provider that cannot do it refuses before anything is sent, and its refusal is noted after the call', async () => {
  const body = { inline: JSON.stringify({ model: 'sample', input: 'x' }) };
  const run = new Recording({ config, job: { kind: 'moderation', stream: false, outputTokensCap: 0, body } });
  let lines = 0;
  // The first line is the slowest: on PostgreSQL each takes a connection of its own.
  run.journalTakes = async () => {
    lines += 1;
    if (lines === 1) for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  };
  await run.run();
  assert.deepEqual(run.effects.slice(0, 2), ['journal call 1', 'journal refused 1']);
  assert.deepEqual(run.calls, []);
  assert.equal(run.lastEvent?.type === 'answer-error' && run.lastEvent.code, 'provider_bad_request');
  assert.deepEqual(run.books, ['1:failed:provider_bad_request:']);
});

test('chat: several choices that are dropped leave the one its share of the limit', async () => {
  const one = deployment('sample', 'A', { defaultParams: { n: 4 }, additionalDropParams: ['n'] });
  const run = new Recording({ config: configOf({ sample: [one] }) });
  await run.run();
  assert.deepEqual(
    run.calls.map(({ outputTokensCap }) => outputTokensCap),
    [25],
  );
});
