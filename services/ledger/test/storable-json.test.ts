import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storableJson } from '../src/storable-json.ts';

const cases = [
  { value: 'plain ü 🙂', stored: 'plain ü 🙂', why: 'what can be stored stays' },
  { value: 'a\0b', stored: 'a\ufffdb', why: 'U+0000 is replaced' },
  { value: 'a\ud83d', stored: 'a\ufffd', why: 'the first half of a pair is replaced' },
  { value: '\udc00a', stored: '\ufffda', why: 'and the second' },
  { value: '\\u0000 \\\\ud83d', stored: '\\u0000 \\\\ud83d', why: 'text that only looks like an escape stays' },
  { value: '\\\0', stored: '\\\ufffd', why: 'a backslash before it does not hide it' },
  { value: { 'k\0': ['\ud800'] }, stored: { 'k\ufffd': ['\ufffd'] }, why: 'names and nested values too' },
];
for (const { value, stored, why } of cases) {
  test(`storable JSON: ${why}`, () => assert.deepEqual(JSON.parse(storableJson(value)), stored));
}
