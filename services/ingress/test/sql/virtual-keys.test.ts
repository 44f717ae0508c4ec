import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { virtualKeysIn, type VirtualKeys } from '../../src/sql/virtual-keys.ts';
import { virtualKey } from '../auth/virtual-keys.ts';
import { openKeysDatabase } from './open-keys-database.ts';

const by = { userId: 'someone', now: Date.parse('2027-02-01') };
let sql: SqlPool & AsyncDisposable;
let keys: VirtualKeys;

before(async () => {
  sql = await openKeysDatabase();
  keys = virtualKeysIn(sql);
});
after(() => sql[Symbol.asyncDispose]());

const full = virtualKey('sk-full-0123456789', {
  keyAlias: 'full',
  models: ['grok', "it's", 'oci/*'],
  maxBudgetNanoUsd: 9_000_000_000_000_000,
  budgetDuration: '30d',
  requestsPerMinute: 0,
  tokensPerMinute: Number.MAX_SAFE_INTEGER,
  maxParallelRequests: 3,
  metadata: { team: 'blue', nested: { list: [1, null, '→ "quoted" \\'] } },
  userId: 'u1',
  teamId: 't1',
  organizationId: 'o1',
  blocked: true,
  expiresAt: Date.parse('2027-03-01T00:00:00.001Z'),
});

test('a key comes back as it was stored, to the nano-USD and the millisecond', async () => {
  assert.equal(await keys.insert(full), 'inserted');
  assert.deepEqual(await keys.find(full.hash), full);
  assert.deepEqual(await keys.findByAlias('full'), full);
  assert.equal(await keys.findByAlias('Full'), null);
});

test('a second key with the same alias, or the same hash, is not stored', async () => {
  assert.equal(await keys.insert(virtualKey('sk-other-0123456789', { keyAlias: 'full' })), 'alias-taken');
  assert.equal(await keys.insert({ ...full, keyAlias: 'another' }), 'key-taken');
  assert.equal(await keys.find(virtualKey('sk-other-0123456789').hash), null);
});

test('of twenty keys with one alias at once, one is stored', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, n) => keys.insert(virtualKey(`sk-race-${n}-0123456789`, { keyAlias: 'race' }))),
  );
  assert.deepEqual(outcomes.toSorted().slice(-2), ['alias-taken', 'inserted']);
});

test('keys without an alias do not collide', async () => {
  assert.equal(await keys.insert(virtualKey('sk-plain-1-0123456789')), 'inserted');
  assert.equal(await keys.insert(virtualKey('sk-plain-2-0123456789')), 'inserted');
});

test('the table refuses what no code should write', async () => {
  const bad = { ...full, hash: virtualKey('sk-bad-0123456789').hash, keyAlias: 'bad' };
  await assert.rejects(keys.insert({ ...bad, maxBudgetNanoUsd: -1 }), /virtual_keys_max_budget_in_range/);
  await assert.rejects(keys.insert({ ...bad, keyName: 'sk-a-raw-key-0123' }), /virtual_keys_key_name_is_masked/);
  await assert.rejects(keys.insert({ ...bad, keyAlias: '' }), /virtual_keys_key_alias_not_empty/);
});

test('an update changes what it names and nothing else', async () => {
  const key = { ...full, hash: virtualKey('sk-update-0123456789').hash, keyAlias: 'update' };
  await keys.insert(key);
  const touched = { ...key, updatedAt: by.now, updatedBy: by.userId };

  assert.deepEqual(await keys.update(key.hash, {}, by), touched);
  const renamed = { ...touched, keyAlias: 'renamed', models: [] };
  assert.deepEqual(await keys.update(key.hash, { keyAlias: 'renamed', models: [] }, by), renamed);

  const cleared = {
    keyAlias: null,
    maxBudgetNanoUsd: null,
    budgetDuration: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    maxParallelRequests: null,
    userId: null,
    teamId: null,
    organizationId: null,
    expiresAt: null,
    blocked: false,
  };
  assert.deepEqual(await keys.update(key.hash, cleared, by), { ...renamed, ...cleared });

  const set = { ...full, keyAlias: 'set again' };
  const { hash, keyName, createdAt, updatedAt, createdBy, updatedBy, ...changes } = set;
  const again = await keys.update(key.hash, changes, by);
  assert.deepEqual(again, { ...renamed, ...changes });
  assert.ok(hash && keyName && createdAt && updatedAt && createdBy && updatedBy);
});

test('an update of a key that does not exist, or to an alias that does, changes nothing', async () => {
  assert.equal(await keys.update(virtualKey('sk-nobody-0123456789').hash, { blocked: true }, by), null);
  assert.equal(await keys.update(full.hash, { keyAlias: 'race', blocked: false }, by), 'alias-taken');
  assert.deepEqual(await keys.find(full.hash), full);
});

test('tags survive a change of the metadata that does not name them', async () => {
  const key = virtualKey('sk-tags-0123456789', { metadata: { team: 'blue', tags: ['a'] } });
  await keys.insert(key);
  const metadataAfter = async (changes: Parameters<VirtualKeys['update']>[1]) => {
    const updated = await keys.update(key.hash, changes, by);
    return typeof updated === 'object' ? updated?.metadata : updated;
  };
  assert.deepEqual(await metadataAfter({ metadata: { team: 'red' } }), { team: 'red', tags: ['a'] });
  assert.deepEqual(await metadataAfter({ tags: ['b'] }), { team: 'red', tags: ['b'] });
  assert.deepEqual(await metadataAfter({ metadata: { tags: ['c'] } }), { tags: ['c'] });
  assert.deepEqual(await metadataAfter({ metadata: {}, tags: [] }), { tags: [] });
});

test('a key is blocked and unblocked', async () => {
  const blocked = await keys.setBlocked(full.hash, { blocked: false }, by);
  assert.deepEqual(blocked, { ...full, blocked: false, updatedAt: by.now, updatedBy: by.userId });
  assert.equal((await keys.setBlocked(full.hash, { blocked: true }, by))?.blocked, true);
  assert.equal(await keys.setBlocked(virtualKey('sk-nobody-0123456789').hash, { blocked: true }, by), null);
});

test('keys are deleted all together, or none of them', async () => {
  const one = virtualKey('sk-delete-1-0123456789', { keyAlias: 'delete-1' });
  const two = virtualKey('sk-delete-2-0123456789', { keyAlias: 'delete-2' });
  await keys.insert(one);
  await keys.insert(two);

  const half = await keys.delete({ hashes: [one.hash, 'no hash'], aliases: ['delete-2', 'no alias'] });
  assert.deepEqual(half, { deleted: [], missing: ['no hash', 'no alias'] });
  assert.equal((await keys.findMany([one.hash, two.hash])).size, 2);

  const both = await keys.delete({ hashes: [one.hash, one.hash], aliases: ['delete-2', 'delete-1'] });
  assert.deepEqual(both.missing, []);
  assert.deepEqual(both.deleted.toSorted(), [one.hash, two.hash].toSorted());
  assert.equal((await keys.findMany([one.hash, two.hash])).size, 0);
});

test('keys are listed by page, filter and order', async () => {
  await sql.query('delete from ingress.virtual_keys');
  const at = (day: number) => Date.UTC(2027, 0, day);
  const stored = [1, 2, 3, 4, 5].map((n) =>
    virtualKey(`sk-list-${n}-0123456789`, {
      keyAlias: n === 5 ? null : `List-${n}_x`,
      userId: n % 2 === 0 ? 'even' : 'odd',
      createdAt: at(n),
      expiresAt: n === 1 ? at(10) : n === 2 ? at(20) : null,
    }),
  );
  for (const key of stored) await keys.insert(key);

  const list = async (filter: object, page: object = {}) => {
    const found = await keys.list(
      { substringMatching: false, now: at(10), ...filter },
      { page: 1, size: 10, sortBy: 'created_at', descending: true, ...page },
    );
    const numbers = found.keys.map(({ hash }) => stored.findIndex((key) => key.hash === hash) + 1);
    return [found.total, ...numbers];
  };

  assert.deepEqual(await list({}), [5, 5, 4, 3, 2, 1]);
  assert.deepEqual(await list({}, { size: 2, page: 2 }), [5, 3, 2]);
  assert.deepEqual(await list({}, { size: 2, page: 4 }), [5], 'beyond the last page');
  assert.deepEqual(await list({ userId: 'even' }), [2, 4, 2]);
  assert.deepEqual(await list({ userId: 'EV', substringMatching: true }), [2, 4, 2]);
  assert.deepEqual(await list({ keyAlias: 'List-1_x' }), [1, 1]);
  assert.deepEqual(await list({ keyAlias: '_X', substringMatching: true }), [4, 4, 3, 2, 1]);
  assert.deepEqual(await list({ keyAlias: '%', substringMatching: true }), [0]);
  assert.deepEqual(await list({ hash: stored[2]?.hash }), [1, 3]);
  assert.deepEqual(await list({ teamId: 'none' }), [0]);
  assert.deepEqual(await list({ expires: 'expired' }), [1, 1], 'from the instant on');
  assert.deepEqual(await list({ expires: 'active' }), [4, 5, 4, 3, 2]);
  assert.deepEqual(
    await list({}, { sortBy: 'key_alias', descending: false }),
    [5, 1, 2, 3, 4, 5],
    'no alias comes last',
  );
  assert.deepEqual(await list({}, { sortBy: 'key_alias' }), [5, 4, 3, 2, 1, 5], 'also the other way round');
  assert.deepEqual(await list({ expires: 'active' }, { sortBy: 'expires', size: 1 }), [4, 2]);
});
