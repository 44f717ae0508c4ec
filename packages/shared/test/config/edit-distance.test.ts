import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearestWord } from '../../src/config/edit-distance.ts';

const distances = [
  { from: '', to: '', is: 0 },
  { from: 'abc', to: 'abc', is: 0 },
  { from: 'kitten', to: 'sitting', is: 3 },
  { from: 'regoin', to: 'region', is: 2 },
  { from: '', to: 'ab', is: 2 },
  { from: 'x'.repeat(65), to: 'x', is: Infinity },
];
for (const { from, to, is } of distances) {
  test(`edit distance: ${from.slice(0, 10)} to ${to} is ${is}`, () => assert.equal(editDistance(from, to), is));
}

const words = ['timeout', 'stream_timeout', 'rpm', 'retry_after'];
const nearest = [
  { word: 'timout', is: 'timeout' },
  { word: 'time_outs', is: 'timeout' },
  { word: 'rpmm', is: 'rpm' },
  { word: 'rqn', is: null }, // most of a short word is another word
  { word: 'colour', is: null },
];
for (const { word, is } of nearest) {
  test(`nearest word to ${word}: ${is}`, () => assert.equal(nearestWord(word, words), is));
}
