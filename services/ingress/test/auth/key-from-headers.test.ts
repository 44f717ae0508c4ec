import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { keyFromHeaders } from '../../src/auth/key-from-headers.ts';

const found: { headers: IncomingHttpHeaders; key: string; why: string }[] = [
  { headers: { authorization: 'Bearer sk-a' }, key: 'sk-a', why: 'the usual place' },
  { headers: { authorization: 'bearer  sk-a' }, key: 'sk-a', why: 'schemes have no case' },
  { headers: { 'x-litellm-api-key': 'sk-a' }, key: 'sk-a', why: 'bare' },
  { headers: { 'x-litellm-api-key': 'Bearer sk-a' }, key: 'sk-a', why: 'with a scheme' },
  { headers: { 'x-litellm-api-key': 'sk-a', authorization: 'Basic x' }, key: 'sk-a', why: 'wins over Authorization' },
  {
    headers: { authorization: 'Bearer sk-a', 'api-key': 'sk-b' },
    key: 'sk-a',
    why: 'Authorization wins over the rest',
  },
  { headers: { 'api-key': 'sk-a', 'x-api-key': 'sk-b' }, key: 'sk-a', why: 'Azure' },
  { headers: { 'x-api-key': 'sk-a', 'x-goog-api-key': 'sk-b' }, key: 'sk-a', why: 'Anthropic' },
  { headers: { 'x-goog-api-key': 'sk-a' }, key: 'sk-a', why: 'Google' },
  { headers: { 'ocp-apim-subscription-key': 'sk-a' }, key: 'sk-a', why: 'Azure API management' },
  { headers: { 'x-api-key': 'Bearer sk-a' }, key: 'Bearer sk-a', why: 'no scheme where none belongs' },
];

for (const { headers, key, why } of found) {
  test(`key from headers: ${why}`, () => assert.equal(keyFromHeaders(headers), key));
}

const malformed: { headers: IncomingHttpHeaders; why: string }[] = [
  { headers: { authorization: 'sk-a' }, why: 'no scheme' },
  { headers: { authorization: 'Basic c2stYQ==' }, why: 'another scheme' },
  { headers: { authorization: 'Bearersk-a' }, why: 'no space' },
  { headers: { authorization: 'Bearer' }, why: 'no key' },
  { headers: { authorization: '', 'api-key': 'sk-a' }, why: 'empty, and the first that is there decides' },
  { headers: { 'x-litellm-api-key': '' }, why: 'empty' },
  { headers: { 'x-litellm-api-key': 'Bearer' }, why: 'no key' },
];

for (const { headers, why } of malformed) {
  test(`malformed key: ${why}`, () =>
    assert.throws(() => keyFromHeaders(headers), {
      code: 'key_malformed',
      param: null,
      message: 'Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.',
    }));
}

test('no key', () =>
  assert.throws(() => keyFromHeaders({ host: 'localhost' }), {
    code: 'key_missing',
    param: null,
    message: 'Authentication Error, No api key passed in.',
  }));
