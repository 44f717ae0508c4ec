import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limitableTags, routingTags } from '@sluice/shared/contracts/caller.ts';
import { originBodyOf, requestOrigin, requireOrigin } from '../../src/surfaces/openai/request-origin.ts';

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

const id = 'i'.repeat(255);
const many = (count: number, length = 3) => Array.from({ length: count }, (_, n) => String(n).padStart(length, 't'));
const named = { ...settings, customers: { ...settings.customers, headers: ['x-customer'] } };

/** What says whom a request is for, and of which session it is: in which field or header. */
interface Place {
  readonly param: string;
  readonly said: (value: string) => readonly [body: object, headers?: Record<string, string>];
}

const ids: readonly Place[] = [
  { param: 'user', said: (value) => [{ user: value }] },
  { param: 'litellm_metadata.user', said: (value) => [{ litellm_metadata: { user: value } }] },
  { param: 'metadata.user_id', said: (value) => [{ metadata: { user_id: value } }] },
  { param: 'safety_identifier', said: (value) => [{ safety_identifier: value }] },
  { param: 'x-litellm-customer-id', said: (value) => [{ user: 'u' }, { 'x-litellm-customer-id': value }] },
  { param: 'x-litellm-end-user-id', said: (value) => [{}, { 'x-litellm-end-user-id': value }] },
  { param: 'x-customer', said: (value) => [{}, { 'x-customer': value }] },
  { param: 'litellm_session_id', said: (value) => [{ litellm_session_id: value }] },
  { param: 'metadata.session_id', said: (value) => [{ metadata: { session_id: value } }] },
  { param: 'x-litellm-trace-id', said: (value) => [{}, { 'x-litellm-trace-id': value }] },
];

describe('what a request says of itself has bounds', () => {
  const require = (body: unknown, headers: Record<string, string> = {}) =>
    requireOrigin(headers, originBodyOf(body), named);
  const is = (param: string) => ({ code: 'invalid_request', param });
  const originIn = (body: unknown, headers: Record<string, string> = {}) =>
    requestOrigin({ headers, ip: undefined }, originBodyOf(body), caller, 'call', named, team);

  for (const { param, said } of ids) {
    test(`${param}: 255 characters are kept, one more is refused, and in no row`, () => {
      const [body, headers] = said(id);
      require(body, headers);
      const { endUser, sessionId } = originIn(body, headers);
      assert.ok([endUser, sessionId].includes(id));

      const [longer, longerHeaders] = said(`${id}i`);
      assert.throws(() => require(longer, longerHeaders), is(param));
      const refused = originIn(longer, longerHeaders);
      assert.ok(![refused.endUser, refused.sessionId].includes(`${id}i`));
    });
  }

  for (const [param, body, headers] of [
    ['tags', { tags: many(65) }, {}],
    ['tags', { tags: many(40), metadata: { tags: many(40, 4) } }, {}],
    ['tags', { litellm_metadata: { tags: many(1, 257) } }, {}],
    ['x-litellm-tags', {}, { 'x-litellm-tags': many(65).join(',') }],
  ] as const) {
    test(`${param}: no more than 64 of 256 characters, in no row either`, () => {
      assert.throws(() => require(body, headers), is(param));
      const { tags } = originIn(body, headers);
      assert.ok(tags.length <= 66 && tags.every((tag) => tag.length <= 256));
    });
  }

  test('as many tags as a request may have leave those of its key, its team and its headers', () => {
    const asked = many(64);
    require({ tags: [...asked, ...asked, ''] });
    const tags = { headers: ['x-project'], hasUserAgent: false };
    const { tags: kept } = originOf({ tags: asked }, { 'x-project': 'p' }, tags);
    assert.deepEqual(kept, ['of-key', 'of-team', ...asked, 'x-project: p']);
  });
});
