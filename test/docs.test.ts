import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { errorCatalog } from '@sluice/shared/errors.ts';

const root = path.resolve(import.meta.dirname, '..');
const errorsPage = path.join(root, 'docs/errors.md');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

test('docs/errors.md lists every error code, with its status and type, and no other', () => {
  const documented = errorRows(readFileSync(errorsPage, 'utf8'));
  const codes = documented.map(({ code }) => code);
  assert.deepEqual(codes, [...new Set(codes)], 'each code once');
  assert.deepEqual(
    byCode(documented),
    byCode(Object.entries(errorCatalog).map(([code, { status, type }]) => ({ code, status, type }))),
  );
});

test('docs/errors.md says of every code what it means and what to do', () => {
  const silent = errorRows(readFileSync(errorsPage, 'utf8')).filter(
    ({ meaning, advice }) => meaning === '' || advice === '',
  );
  assert.deepEqual(silent, []);
});

test('the README leads to every page of docs', () => {
  const unlinked = globSync('docs/*.md', { cwd: root }).filter((page) => !readme.includes(`](${page})`));
  assert.deepEqual(unlinked, []);
});

test('the README counts every group of management routes among what is supported', () => {
  const api = readFileSync(path.join(root, 'docs/api.md'), 'utf8');
  const groups = new Set([...api.matchAll(/\/([a-z]+)\/(?:new|generate)`/g)].map(([, group]) => group));
  const supported = readme.slice(readme.indexOf('Supported today:'), readme.indexOf('Not yet:'));
  assert.ok(groups.size > 0);
  const unnamed = [...groups].filter((group) => !supported.includes(`/${group}/`));
  assert.deepEqual(unnamed, []);
});

interface ErrorRow {
  code: string;
  status: number;
  type: string;
  meaning: string;
  advice: string;
}

/** The rows of every `| code | status | type | meaning | what to do |` table: those whose code is in back-ticks. */
function errorRows(markdown: string): ErrorRow[] {
  return markdown
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([start, code = '']) => start === '' && /^`\w+`$/.test(code))
    .map(([, code = '', status = '', type = '', meaning = '', advice = '']) => ({
      code: code.slice(1, -1),
      status: Number(status),
      type: type.replaceAll('`', ''),
      meaning,
      advice,
    }));
}

function byCode(rows: readonly { code: string; status: number; type: string }[]) {
  return Object.fromEntries(rows.map(({ code, status, type }) => [code, { status, type }]));
}
