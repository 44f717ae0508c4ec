import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usableModels } from '../../src/catalog/usable-models.ts';

const now = Date.parse('2026-11-21T00:00:00Z');
const tomorrow = '2026-11-22T00:00:00.000Z';
const later = '2027-03-01T00:00:00.000Z';

const item = (displayName: string, fields: Record<string, unknown> = {}) => ({
  displayName,
  capabilities: ['CHAT'],
  lifecycleState: 'ACTIVE',
  type: 'BASE',
  ...fields,
});
const chat = (name: string, retiresAt: string | null = null) => ({
  name,
  mode: 'chat' as const,
  retiresAt: retiresAt === null ? null : Date.parse(retiresAt),
});

const cases: readonly { why: string; items: readonly unknown[]; models: readonly unknown[] }[] = [
  { why: 'a chat model', items: [item('a')], models: [chat('a')] },
  {
    why: 'an embedding model',
    items: [item('e', { capabilities: ['TEXT_EMBEDDINGS'] })],
    models: [{ ...chat('e'), mode: 'embedding' }],
  },
  {
    why: 'a rerank model that is served on demand',
    items: [item('cohere.rerank-v4.0-pro', { capabilities: ['TEXT_RERANK'] })],
    models: [{ ...chat('cohere.rerank-v4.0-pro'), mode: 'rerank' }],
  },
  {
    why: 'one that will retire, with the date',
    items: [item('a', { timeOnDemandRetired: later })],
    models: [chat('a', later)],
  },
  {
    why: 'not one that has retired, to the millisecond',
    items: [item('a', { timeOnDemandRetired: '2026-11-21T00:00:00Z' })],
    models: [],
  },
  {
    why: 'one whose retirement cannot be read',
    items: [item('a', { timeOnDemandRetired: 'soon' })],
    models: [chat('a')],
  },
  {
    why: 'one that retires for dedicated use only',
    items: [item('a', { timeDedicatedRetired: '2020-01-01T00:00:00Z' })],
    models: [chat('a')],
  },
  { why: 'not a custom one', items: [item('a', { type: 'CUSTOM' })], models: [] },
  ...['CREATING', 'DELETING', 'DELETED', 'FAILED', undefined].map((lifecycleState) => ({
    why: `not one that is ${lifecycleState}`,
    items: [item('a', { lifecycleState })],
    models: [],
  })),
  ...[['FINE_TUNE'], ['TEXT_TO_IMAGE'], ['TEXT_GENERATION'], [], undefined].map((capabilities) => ({
    why: `not one that can only do ${JSON.stringify(capabilities)}`,
    items: [item('a', { capabilities })],
    models: [],
  })),
  ...[
    'cohere.rerank.v3-5',
    'cohere.command-a-reasoning-08-2025',
    'xai.grok-4.20-multi-agent-0309',
    'openai.gpt-5.5-pro',
  ].map((name) => ({ why: `not ${name}`, items: [item(name, { capabilities: ['CHAT', 'TEXT_RERANK'] })], models: [] })),
  {
    why: 'a name once, whatever its versions and abilities',
    items: [item('a'), item('b'), item('a', { version: '2' }), item('a', { capabilities: ['FINE_TUNE'] })],
    models: [chat('a'), chat('b')],
  },
  {
    why: 'a name of which one version has retired',
    items: [item('a', { timeOnDemandRetired: '2020-01-01T00:00:00Z' }), item('a')],
    models: [chat('a')],
  },
  {
    why: 'a name until its last version retires',
    items: [item('a', { timeOnDemandRetired: tomorrow }), item('a', { timeOnDemandRetired: later })],
    models: [chat('a', later)],
  },
  {
    why: 'a name that one of its versions serves without end',
    items: [item('a', { timeOnDemandRetired: tomorrow }), item('a')],
    models: [chat('a')],
  },
  {
    why: 'a name for chat if any version chats, in either order',
    items: [
      item('a', { capabilities: ['TEXT_EMBEDDINGS'] }),
      item('a'),
      item('b'),
      item('b', { capabilities: ['TEXT_EMBEDDINGS'] }),
    ],
    models: [chat('a'), chat('b')],
  },
  { why: 'names in order', items: [item('c'), item('a'), item('b')], models: [chat('a'), chat('b'), chat('c')] },
  {
    why: 'nothing of what is not as documented',
    items: [
      null,
      'a',
      [],
      {},
      item(''),
      item('two words'),
      item('é'),
      item('x'.repeat(257)),
      { ...item('a'), displayName: 3 },
    ],
    models: [],
  },
];

for (const { why, items, models } of cases) {
  test(`usable models: ${why}`, () => assert.deepEqual(usableModels(items, now), models));
}

test('usable models: never more than a thousand', () => {
  const items = Array.from({ length: 3000 }, (_, nth) => item(`model-${nth}`));
  assert.equal(usableModels(items, now).length, 1000);
});
