import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bySpecificity, fillWildcard, isWildcard, matchWildcard, wildcardsMeet } from '../../src/config/wildcard.ts';

const cases: { pattern: string; name: string; is: readonly string[] | null }[] = [
  { pattern: 'a', name: 'a', is: [] },
  { pattern: 'a', name: 'ab', is: null },
  { pattern: '*', name: '', is: [''] },
  { pattern: '*', name: 'a/b', is: ['a/b'] },
  { pattern: 'oci/*', name: 'oci/xai.grok-4', is: ['xai.grok-4'] },
  { pattern: 'oci/*', name: 'openai/oci/x', is: null },
  { pattern: '*-mini', name: 'gpt-mini', is: ['gpt'] },
  { pattern: '*-mini', name: 'gpt-mini-2', is: null },
  { pattern: 'a*b*c', name: 'a1b2c', is: ['1', '2'] },
  { pattern: 'a*b*c', name: 'abbbc', is: ['bb', ''] },
  { pattern: 'a*b*c', name: 'ac', is: null },
  { pattern: 'a-*-*', name: 'a-b-c-d', is: ['b-c', 'd'] },
  { pattern: 'ab*ba', name: 'aba', is: null },
  { pattern: 'a*b*b', name: 'ab', is: null },
  { pattern: '**', name: 'ab', is: ['ab', ''] },
  { pattern: 'a.*', name: 'axb', is: null },
];
for (const { pattern, name, is } of cases) {
  test(`wildcard: ${pattern} and ${JSON.stringify(name)}`, () => assert.deepEqual(matchWildcard(pattern, name), is));
}

test('wildcard: the same reading as a regular expression, for short patterns and names of few letters', () => {
  const words = (letters: readonly string[], length: number): string[] =>
    length === 0 ? [''] : words(letters, length - 1).flatMap((word) => ['', ...letters].map((one) => word + one));
  const names = [...new Set(words(['a', 'b'], 5))];
  for (const pattern of new Set(words(['a', 'b', '*'], 4))) {
    const expression = new RegExp(`^${pattern.replaceAll('*', '(.*)')}$`);
    for (const name of names) {
      const expected = expression.exec(name)?.slice(1) ?? null;
      assert.deepEqual(matchWildcard(pattern, name), expected, `${pattern} and ${name}`);
    }
  }
});

test('wildcard: filled in order, what is left over is dropped, what is missing is empty', () => {
  assert.equal(fillWildcard('a*b*', ['1', '2', '3']), 'a1b2');
  assert.equal(fillWildcard('a*b*', ['$&']), 'a$&b');
});

test('wildcard: more text of its own is more specific, then fewer stars', () => {
  const sorted = ['*', '*-mini', 'oci/*', 'oci/xai.*', 'oci/x*.*', 'oci/*.grok-*'].sort(bySpecificity);
  assert.deepEqual(sorted, ['oci/*.grok-*', 'oci/xai.*', 'oci/x*.*', '*-mini', 'oci/*', '*']);
});

test('wildcard: two patterns meet where one name fits both', () => {
  const words = (length: number): string[] =>
    length === 0 ? [''] : words(length - 1).flatMap((word) => ['', 'a', 'b', '*'].map((one) => word + one));
  const patterns = [...new Set(words(3))].filter(isWildcard);
  const names = [...new Set(words(6))].filter((name) => !isWildcard(name));
  for (const a of patterns) {
    for (const b of patterns) {
      const both = names.some((name) => matchWildcard(a, name) !== null && matchWildcard(b, name) !== null);
      assert.equal(wildcardsMeet(a, b), both, `${a} and ${b}`);
    }
  }
});
