import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillWildcard, matchWildcard } from '../../src/models/wildcard.ts';

const matches = [
  { pattern: '*', text: 'oci/xai.grok-4', captures: ['oci/xai.grok-4'] },
  { pattern: '*', text: '', captures: [''] },
  { pattern: 'oci/*', text: 'oci/xai.grok-4', captures: ['xai.grok-4'] },
  { pattern: 'oci/*', text: 'openai/gpt', captures: null },
  { pattern: 'oci/xai.*-4', text: 'oci/xai.grok-4', captures: ['grok'] },
  { pattern: 'a*b*c', text: 'a1b2b3c', captures: ['1', '2b3'] },
  { pattern: 'a*b*c', text: 'acb', captures: null },
  { pattern: 'ab*ba', text: 'aba', captures: null },
  { pattern: 'exact', text: 'exact', captures: [] },
  { pattern: 'exact', text: 'exactly', captures: null },
  { pattern: 'a.c*', text: 'abc', captures: null },
];

for (const { pattern, text, captures } of matches) {
  test(`wildcard: ${pattern} and "${text}": ${JSON.stringify(captures)}`, () => {
    assert.deepEqual(matchWildcard(pattern, text), captures);
    if (captures !== null) assert.equal(fillWildcard(pattern, captures), text);
  });
}
