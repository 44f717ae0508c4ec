import assert from 'node:assert/strict';
import { test } from 'node:test';
import { masked } from '../../src/audit/masked.ts';
import { hashKey } from '../../src/auth/hash-key.ts';

const key = 'sk-0123456789abcdefABCDEF';
const hash = hashKey(key);

const cases = [
  { value: { key_name: 'sk-...CDEF', token: hash, max_budget: 5 }, shown: 'same', why: 'what is masked stays' },
  { value: { tags: ['a'], key_alias: 'task-force-of-the-north', models: ['*'] }, shown: 'same', why: 'no secret' },
  { value: { max_token_budget: 7, tokens: 3, key: null }, shown: 'same', why: 'numbers and null are no secrets' },
  { value: { key }, shown: { key: hash }, why: 'a key is its hash' },
  { value: { keys: [key, 'plain'] }, shown: { keys: [hash, '****'] }, why: 'keys in a list' },
  {
    value: { metadata: { note: `use ${key} here` } },
    shown: { metadata: { note: `use ${hash} here` } },
    why: 'in text',
  },
  { value: { [key]: 1 }, shown: { [hash]: 1 }, why: 'as the name of a member' },
  { value: { langfuse_secret_key: 'abc' }, shown: { langfuse_secret_key: '****' }, why: 'by its name' },
  { value: { 'X-Api-Key': 'abc' }, shown: { 'X-Api-Key': '****' }, why: 'in any spelling' },
  {
    value: { logging: [{ callback_vars: { secret: { a: 1 } } }] },
    shown: { logging: [{ callback_vars: { secret: '****' } }] },
    why: 'all of what a secret holds',
  },
  { value: { a: 'Authorization: Bearer abc.def' }, shown: { a: 'Authorization: ****' }, why: 'a bearer token' },
  { value: { a: 'postgres://me:pw@host/db' }, shown: { a: 'postgres://****@host/db' }, why: 'a password in a URL' },
  {
    value: { a: '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n' },
    shown: { a: '****\n' },
    why: 'a private key',
  },
  { value: { a: '-----BEGIN PRIVATE KEY-----\nMIIE' }, shown: { a: '****' }, why: 'a private key that was cut off' },
] as const;

for (const { value, shown, why } of cases) {
  test(`masked: ${why}`, () => assert.deepEqual(masked(value), shown === 'same' ? value : shown));
}
