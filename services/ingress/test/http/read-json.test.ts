import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import { readJson, readOptionalJson } from '../../src/http/read-json.ts';

const requestOf = (body: unknown): Pick<Request, 'body'> => ({ body });

test('body: JSON, with the text it came in', () => {
  const text = ' {"a": "世"} ';
  assert.deepEqual(readJson(requestOf(Buffer.from(text))), { text, value: { a: '世' } });
});

const malformed = [
  { body: undefined, why: 'none' },
  { body: Buffer.alloc(0), why: 'empty' },
  { body: { parsed: 'already' }, why: 'not bytes' },
  { body: Buffer.from([0x22, 0xff, 0x22]), why: 'not UTF-8' },
  { body: Buffer.from('{"a":'), why: 'cut off' },
  { body: Buffer.from('{} {}'), why: 'two of them' },
];

for (const { body, why } of malformed) {
  test(`body that is ${why}: malformed_body`, () => {
    assert.throws(() => readJson(requestOf(body)), { code: 'malformed_body', param: 'request_body' });
  });
}

test('optional body: none is none, a bad one is malformed', () => {
  assert.equal(readOptionalJson(requestOf(undefined)), undefined);
  assert.equal(readOptionalJson(requestOf(Buffer.alloc(0))), undefined);
  assert.deepEqual(readOptionalJson(requestOf(Buffer.from('[]'))), []);
  assert.throws(() => readOptionalJson(requestOf(Buffer.from('no'))), { code: 'malformed_body' });
});
