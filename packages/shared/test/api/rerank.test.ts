import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentTexts, RerankRequest, searchUnitsOf } from '../../src/api/cohere/rerank.ts';

const documents = [
  { document: 'plain', fields: undefined, text: 'plain', why: 'a text is itself' },
  { document: { text: 'T', title: 'x' }, fields: undefined, text: 'T', why: 'an object is its text' },
  {
    document: { title: 'x', year: 7, gone: null },
    fields: undefined,
    text: 'title: x\nyear: 7',
    why: 'or all it has, where it has none',
  },
  {
    document: { text: 'T', title: 'x', tags: ['a'] },
    fields: ['title', 'tags', 'toString', 'none'],
    text: 'title: x\ntags: ["a"]',
    why: 'or what it is to be ranked by, in that order',
  },
  { document: { a: 1 }, fields: ['b'], text: '', why: 'or nothing' },
];
for (const { document, fields, text, why } of documents) {
  test(`rerank: ${why}`, () => {
    const request = { model: 'm', query: 'q', documents: [document], rank_fields: fields };
    assert.deepEqual(documentTexts(RerankRequest.parse(request)), [text]);
  });
}

for (const [count, units] of [
  [1, 1],
  [100, 1],
  [101, 2],
  [1_000, 10],
] as const) {
  test(`rerank: ${count} documents are ${units} search units`, () =>
    assert.equal(searchUnitsOf({ documents: Array<string>(count).fill('x') }), units));
}
