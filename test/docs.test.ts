import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
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
  const [, list = ''] = /Supported today:(.*)Not yet:/s.exec(readme) ?? [];
  const supported = new Set([...list.matchAll(/`\/([a-z]+)\/…`/g)].map(([, group]) => group));
  assert.ok(groups.size > 0);
  const unnamed = [...groups].filter((group) => !supported.has(group));
  assert.deepEqual(unnamed, []);
});

/** What KEDA (2.7 or newer) asks of a ScaledObject with triggers of Prometheus; its metadata are texts alone. */
const ScaledObject = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  metadata: z.strictObject({ name: z.string() }),
  spec: z.strictObject({
    scaleTargetRef: z.strictObject({ name: z.string() }),
    minReplicaCount: z.int().min(1),
    maxReplicaCount: z.int().min(2),
    triggers: z.array(
      z.strictObject({
        type: z.literal('prometheus'),
        metricType: z.enum(['Value', 'AverageValue']),
        metadata: z.strictObject({
          serverAddress: z.url(),
          // Of one element: all series of an alias and a lane, put together.
          query: z.string().regex(/^(?:max|sum)\(\w+\{alias="\w+",lane="\w+"\}\)$/),
          threshold: z.string().regex(/^\d+$/),
        }),
      }),
    ),
  }),
});

test('docs/flow-control.md has a whole ScaledObject, whose workers stay while they wait or work', () => {
  const page = readFileSync(path.join(root, 'docs/flow-control.md'), 'utf8');
  const [, text = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const { spec } = ScaledObject.parse(parse(text));
  assert.deepEqual(
    spec.triggers.map(({ metadata }) => /sluice_\w+/.exec(metadata.query)?.[0]),
    ['sluice_queue_wait_estimate_seconds', 'sluice_queue_depth', 'sluice_worker_calls_in_flight'],
  );
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
