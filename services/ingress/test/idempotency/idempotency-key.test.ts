import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf, scopeOf } from '../../src/idempotency/fingerprint.ts';
import { idempotencyKeyOf } from '../../src/idempotency/idempotency-key.ts';

const keys = [
  { sent: undefined, why: 'a request without one', key: null },
  { sent: 'a', why: 'one character', key: 'a' },
  { sent: '"8e03978e-40d5"', why: 'the quotes of the IETF draft, as sent', key: '"8e03978e-40d5"' },
  { sent: '~'.repeat(255), why: 'as long as it may be', key: '~'.repeat(255) },
  { sent: '!'.repeat(256), why: 'too long', key: 'refused' },
  { sent: '', why: 'empty', key: 'refused' },
  { sent: 'one, two', why: 'sent twice, as Node joins them', key: 'refused' },
  { sent: 'caf\u00e9', why: 'beyond ASCII', key: 'refused' },
  { sent: 'a\tb', why: 'a control character', key: 'refused' },
];

for (const { sent, why, key } of keys) {
  test(`idempotency key: ${why}`, () => {
    const read = () => idempotencyKeyOf({ ...(sent !== undefined && { 'idempotency-key': sent }) });
    if (key === 'refused') assert.throws(read, { code: 'invalid_request', param: 'idempotency-key' });
    else assert.equal(read(), key);
  });
}

const bodies = [
  {
    one: '{"a":1,"b":[{"c":2,"d":3}]}',
    other: ' { "b": [ {"d":3, "c":2} ], "a": 1.0 }',
    same: true,
    why: 'order, space',
  },
  { one: '{"a":"\\u0041"}', other: '{"a":"A"}', same: true, why: 'escapes' },
  { one: '{"a":[1,2]}', other: '{"a":[2,1]}', same: false, why: 'the order of a list' },
  { one: '{"a":null}', other: '{}', same: false, why: 'null and absent' },
  { one: '{"a":"1"}', other: '{"a":1}', same: false, why: 'text and number' },
  { one: '{"a":"b","c":"d"}', other: '{"a":"b\\",\\"c\\":\\"d"}', same: false, why: 'text that looks like members' },
  { one: '{"stream":true}', other: '{"stream":false}', same: false, why: 'stream' },
  { one: '{"__proto__":1}', other: '{}', same: false, why: 'a member with a name of its own' },
];

for (const { one, other, same, why } of bodies) {
  test(`fingerprint: ${same ? 'the same' : 'another'}: ${why}`, () => {
    const equal = fingerprintOf(JSON.parse(one)) === fingerprintOf(JSON.parse(other));
    assert.equal(equal, same);
  });
}

test('scope: each of virtual key, route and idempotency key counts, and none can be read from it', () => {
  const asked = { keyHash: 'hash', path: '/embeddings', idempotencyKey: 'customer@example.com' };
  const scopes = [
    asked,
    { ...asked, keyHash: 'other' },
    { ...asked, path: '/rerank' },
    { ...asked, idempotencyKey: 'b' },
  ];
  assert.equal(new Set(scopes.map(scopeOf)).size, 4);
  assert.equal(scopeOf(asked), scopeOf({ ...asked }));
  assert.match(scopeOf(asked), /^[0-9a-f]{64}$/);
});
