import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { ownerOf } from '../../src/files/owner.ts';
import { virtualKey } from '../auth/virtual-keys.ts';

const first = hashKey('sk-first');

const cases = [
  { why: 'the operator', key: null, owner: 'operator' },
  { why: 'a key of a team', key: virtualKey('sk-now', { teamId: 'red' }), owner: 'team:red' },
  { why: 'a user’s key of a team', key: virtualKey('sk-now', { teamId: 'red', userId: 'ann' }), owner: 'team:red' },
  { why: 'a key without a team', key: virtualKey('sk-now'), owner: `key:${hashKey('sk-now')}` },
  { why: 'one that was made anew', key: virtualKey('sk-now', { firstHash: first }), owner: `key:${first}` },
];

for (const { why, key, owner } of cases) {
  test(`owner: ${why}`, () => assert.equal(ownerOf({ key }), owner));
}
