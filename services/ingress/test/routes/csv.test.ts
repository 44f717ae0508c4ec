import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvRecord } from '../../src/routes/spend/csv.ts';

const cases: readonly { cell: string; written: string; why: string }[] = [
  { cell: 'plain-id_1', written: 'plain-id_1', why: 'nothing to quote' },
  { cell: '', written: '', why: 'an empty cell' },
  { cell: '12.000000001', written: '12.000000001', why: 'a number' },
  { cell: 'a,b', written: '"a,b"', why: 'a comma' },
  { cell: 'a;b', written: '"a;b"', why: 'what separates cells in some countries' },
  { cell: 'say "hi"', written: '"say ""hi"""', why: 'quotes are doubled' },
  { cell: 'two\r\nlines', written: '"two\r\nlines"', why: 'a line end' },
  { cell: '=1+1', written: `"'=1+1"`, why: 'a formula' },
  { cell: '+1', written: `"'+1"`, why: 'a formula' },
  { cell: '-1', written: `"'-1"`, why: 'a formula' },
  { cell: '@SUM(A1)', written: `"'@SUM(A1)"`, why: 'a formula' },
  { cell: '\t=1', written: `"'\t=1"`, why: 'a formula behind a tab' },
  { cell: ' =1', written: `"' =1"`, why: 'a formula behind a space' },
  { cell: '＝1', written: `"'＝1"`, why: 'a formula in full width' },
  { cell: '\n', written: `"'\n"`, why: 'a line end first' },
  { cell: 'ünïcode', written: 'ünïcode', why: 'other letters' },
];
for (const { cell, written, why } of cases) {
  test(`a CSV cell: ${why} (${JSON.stringify(cell)})`, () => {
    assert.equal(csvRecord([cell, 'x']), `${written},x\r\n`);
  });
}
