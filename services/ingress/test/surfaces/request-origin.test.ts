import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limitableTags, routingTags } from '@sluice/shared/contracts/caller.ts';
import { originBodyOf, requestOrigin } from '../../src/surfaces/openai/request-origin.ts';

const caller = {
  keyHash: 'hash',
  keyAlias: null,
  keyName: null,
  userId: null,
  teamId: null,
  organizationId: null,
  metadata: { tags: ['of-key'] },
};
const team = { metadata: { tags: ['of-team'] } };
const settings = {
  customers: { maxBudgetNanoUsd: null, budgetId: null, headers: [] },
  tags: { headers: [] as string[], hasUserAgent: true },
};

const originOf = (body: unknown, headers: Record<string, string> = {}, tags: Partial<typeof settings.tags> = {}) =>
  requestOrigin(
    { headers, ip: undefined },
    originBodyOf(body),
    caller,
    'call',
    { ...settings, tags: { ...settings.tags, ...tags } },
    team,
  );

const project = { headers: ['X-Project'] };
const long = 'x'.repeat(20_000);

const cases: readonly {
  readonly why: string;
  readonly origin: ReturnType<typeof originOf>;
  readonly tags: readonly string[];
  readonly routing?: readonly string[];
}[] = [
  { why: 'metadata.tags', origin: originOf({ metadata: { tags: ['a'] } }), tags: ['a'] },
  { why: 'litellm_metadata.tags', origin: originOf({ litellm_metadata: { tags: ['a'] } }), tags: ['a'] },
  {
    why: 'all that a body calls its tags, each once',
    origin: originOf({ tags: ['a'], metadata: { tags: ['b', 'a'] }, litellm_metadata: { tags: ['c', 'b'] } }),
    tags: ['a', 'b', 'c'],
  },
  {
    why: "the body's before the header's, whatever calls them so",
    origin: originOf({ litellm_metadata: { tags: ['a'] } }, { 'x-litellm-tags': 'b' }),
    tags: ['a'],
  },
  {
    why: 'those of metadata that are too large to be kept',
    origin: originOf({ metadata: { tags: ['a'], long } }),
    tags: ['a'],
  },
  { why: 'nothing of wrong types', origin: originOf({ tags: 'a', metadata: [], litellm_metadata: 'b' }), tags: [] },
  { why: 'nothing of what is no mapping', origin: originOf(['a']), tags: [] },
  {
    why: "the program's name, which nothing is limited or routed by",
    origin: originOf({}, { 'user-agent': 'curl/8.5' }),
    tags: ['User-Agent: curl'],
    routing: [],
  },
  { why: 'no program', origin: originOf({}, { 'user-agent': 'curl/8.5' }, { hasUserAgent: false }), tags: [] },
  {
    why: 'headers that the configuration names, by which nothing is routed',
    origin: originOf({ tags: ['a'] }, { 'x-project': 'apollo', 'x-other': 'b' }, project),
    tags: ['a', 'X-Project: apollo'],
    routing: ['a'],
  },
  { why: 'no header that is too long', origin: originOf({}, { 'x-project': long }, project), tags: [] },
];

describe('the tags of a request', () => {
  for (const { why, origin, tags, routing = tags } of cases) {
    test(why, () => {
      assert.deepEqual(origin.tags, ['of-key', 'of-team', ...tags]);
      assert.deepEqual(routingTags(origin), ['of-key', 'of-team', ...routing]);
      const limitable = tags.filter((tag) => !tag.startsWith('User-Agent: '));
      assert.deepEqual(limitableTags(origin), ['of-key', 'of-team', ...limitable]);
    });
  }
});
