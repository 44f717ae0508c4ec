import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

/**
 * Who may import what. The first row that matches a file is its rule; a file without one (tests,
 * test/) may import everything. `<a>` is the folder's own name, on both sides of a row.
 */
interface ImportRule {
  from: string;
  may: readonly string[];
  /** Taken out of `may` again. */
  butNot?: readonly string[];
  because: string;
}

const shared = 'packages/shared/src';
const promises = `${shared}/{contracts,ports,api}/**`;
const words = `${shared}/{ids,money,errors,json-object}.ts`;
const forAdapters = [
  promises,
  words,
  `${shared}/{log,metrics,time-limit}.ts`,
  `${shared}/{prices,time}/**`,
  'npm/zod',
  'node/**',
];
const anyPackage = ['npm/**', 'node/**'];

const importRules: readonly ImportRule[] = [
  { from: promises, may: [promises, words, 'npm/zod'], because: 'a promise must not know who keeps it' },

  adapter('memory', []),
  adapter('bullmq', ['bullmq', 'ioredis', 'pg']),
  adapter('nats', ['nats', '@nats-io/jetstream']),
  adapter('redis', ['ioredis']),
  adapter('postgres', ['pg']),
  adapter('s3', ['@aws-sdk/client-s3', '@aws-sdk/lib-storage']),
  adapter('opentelemetry', [
    '@opentelemetry/api',
    '@opentelemetry/exporter-prometheus',
    '@opentelemetry/resources',
    '@opentelemetry/sdk-metrics',
    '@opentelemetry/sdk-node',
  ]),
  {
    from: `${shared}/adapters/open-file-store.ts`,
    may: [...forAdapters, `${shared}/adapters/{postgres,s3}/*.ts`],
    because: 'it chooses between two adapters, for every process that has files',
  },
  {
    from: `${shared}/adapters/**`,
    may: [...forAdapters, `${shared}/adapters/*.ts`],
    because: 'what adapters share belongs to no client library',
  },

  {
    from: `${shared}/**`,
    may: [`${shared}/**`, 'packages/shared/package.json', ...anyPackage],
    butNot: [`${shared}/adapters/**`],
    because: 'what all share knows no service, and no adapter',
  },

  {
    from: 'packages/cli/src/**',
    may: [`${shared}/api/**`, 'packages/cli/src/**', 'npm/cli-progress', 'npm/zod', 'node/**'],
    because: 'the console is a client like any other',
  },

  {
    from: 'services/<a>/src/{main,*-main,config,open-adapters}.ts',
    may: [`${shared}/**`, 'services/<a>/src/**', ...anyPackage],
    butNot: ['services/<a>/src/routes/**'],
    because: 'one place decides: a main, and what two mains of a service open alike',
  },
  {
    from: 'services/<a>/src/{app.ts,routes/**}',
    may: [`${shared}/**`, 'services/<a>/src/**', ...anyPackage],
    butNot: [`${shared}/adapters/**`],
    because: 'services meet only in messages',
  },
  {
    from: 'services/<a>/src/**',
    may: [`${shared}/**`, 'services/<a>/src/**', ...anyPackage],
    butNot: [`${shared}/adapters/**`, 'services/<a>/src/routes/**'],
    because: 'services meet only in messages, and only app.ts imports routes',
  },

  {
    from: 'deploy/<a>/src/**',
    may: [
      'packages/**',
      'services/**',
      'deploy/**',
      'test/oci-simulator/**',
      'test/servers/{child,free-port,postgres-programs}.ts',
      ...anyPackage,
    ],
    because: 'a start may use all there is, and of the tests only the simulator',
  },
];

/** Who may look at the environment: one place decides. */
const readsEnvironment = [
  'services/*/src/{main,*-main,config}.ts',
  'packages/cli/src/main.ts',
  'deploy/**',
  'test/**',
  '{packages,services}/*/test/**',
];

const tidyRules = [
  { of: '**/*.ts', not: /^export default\b/m, instead: 'a named export, so that it has the same name everywhere' },
  { of: '**/*.ts', not: /\b(?:TODO|FIXME)\b/, instead: 'do it, or open an issue' },
  {
    of: '**/*.test.ts',
    not: /new Promise(?:<[^>]*>)?\(\s*\(?\w+\)?\s*=>\s*(?:void )?setTimeout\(\s*\w+\s*,/,
    instead: 'wait for an event, or waitUntil() of test/servers/wait-until.ts',
  },
  {
    of: '**/*.test.ts',
    not: /import\s*\{[^}]*\bsetTimeout\b[^}]*\}\s*from\s*'(?:node:)?timers\/promises'/,
    instead: 'wait for an event, or waitUntil() of test/servers/wait-until.ts',
  },
  {
    of: '**/*.test.ts',
    not: /\bawait (?:sleep|delay|pause)\(/,
    instead: 'wait for an event, or waitUntil() of test/servers/wait-until.ts',
  },
];

const emptyNames = /(?:^|-)(?:utils?|helpers?|common|manager)\.ts$|^data\.ts$/;

const root = path.dirname(import.meta.dirname);

test('the tree keeps its rules', () => {
  const files = globSync('{packages,services,deploy,test}/**/*.ts', { cwd: root, exclude: ['**/node_modules/**'] });
  const self = path.relative(root, import.meta.filename); // holds an example of everything that is forbidden
  const violations = files
    .filter((file) => file !== self)
    .sort()
    .flatMap((file) => violationsOf(file, readFileSync(path.join(root, file), 'utf8')));
  assert.deepEqual(violations, []);
});

const allowed = [
  { file: `${shared}/ports/token-bus.ts`, source: `import { RequestId } from '../ids.ts';` },
  { file: `${shared}/contracts/usage-event.ts`, source: `import { z } from 'zod';` },
  { file: `${shared}/adapters/nats/bus.ts`, source: `import { jetstream } from '@nats-io/jetstream';` },
  { file: `${shared}/adapters/memory/bus.ts`, source: `import { once } from 'node:events';` },
  {
    file: 'packages/cli/src/main.ts',
    source: `import { BatchObject } from '@sluice/shared/api/openai/batch-object.ts'; process.env.HOME;`,
  },
  { file: `${shared}/adapters/redis/admission.ts`, source: `import { split } from '../split-cost.ts';` },
  { file: `${shared}/adapters/s3/store.ts`, source: `import { S3Client } from '@aws-sdk/client-s3';` },
  {
    file: 'services/ledger/src/main.ts',
    source: `import { openPostgres } from '@sluice/shared/adapters/postgres/p.ts';`,
  },
  {
    file: 'services/ingress/src/batch-runner-main.ts',
    source: `import { openPostgres } from '@sluice/shared/adapters/postgres/p.ts';`,
  },
  {
    file: 'services/ingress/src/open-adapters.ts',
    source: `import { openPostgres } from '@sluice/shared/adapters/postgres/p.ts';`,
  },
  { file: 'services/ledger/src/config.ts', source: `export const port = process.env.PORT;` },
  { file: 'services/ingress/src/app.ts', source: `import { models } from './routes/openai/models.ts';` },
  { file: 'services/ingress/src/routes/a.ts', source: `import { b } from './b.ts';` },
  { file: 'services/ingress/src/dispatch/dispatch.ts', source: `import type { Log } from '@sluice/shared/log.ts';` },
  {
    file: 'services/worker/test/worker.test.ts',
    source: `import { openRedisServer } from '../../../test/servers/redis.ts';`,
  },
  {
    file: 'deploy/embedded/src/main.ts',
    source: `import { openSimulator } from '@sluice/test/oci-simulator/open.ts';`,
  },
  { file: 'deploy/embedded/src/gateway.ts', source: `import { openWorker } from '@sluice/worker/worker.ts';` },
  { file: 'test/e2e/chat.test.ts', source: `import { openIngress } from '../../services/ingress/src/ingress.ts';` },
  {
    file: 'services/worker/src/worker.ts',
    source: `const example = "import { pg } from 'pg'"; // from '../../ledger/src/a.ts'`,
  },
  { file: 'test/faults/kill.test.ts', source: `await waitUntil(() => done, { what: 'the end' });` },
];

for (const { file, source } of allowed) {
  test(`allowed in ${file}: ${source}`, () => assert.deepEqual(violationsOf(file, source), []));
}

const forbidden = [
  { file: `${shared}/ports/token-bus.ts`, source: `import { once } from 'node:events';` },
  { file: `${shared}/contracts/usage-event.ts`, source: `import { log } from '../log.ts';` },
  { file: `${shared}/api/openai/chat.ts`, source: `export { Pool } from 'pg';` },
  { file: `${shared}/adapters/memory/bus.ts`, source: `import { Redis } from 'ioredis';` },
  { file: `${shared}/adapters/nats/bus.ts`, source: `import { Sql } from '../postgres/postgres.ts';` },
  { file: `${shared}/adapters/redis/admission.ts`, source: `import type { Pool } from 'pg';` },
  { file: `${shared}/adapters/postgres/store.ts`, source: `import { S3Client } from '@aws-sdk/client-s3';` },
  { file: `${shared}/adapters/split-cost.ts`, source: `import { Redis } from 'ioredis';` },
  { file: 'packages/cli/src/main.ts', source: `import { createLogger } from '@sluice/shared/log.ts';` },
  { file: 'packages/cli/src/main.ts', source: `import OpenAI from 'openai';` },
  { file: 'packages/cli/src/watch.ts', source: `const home = process.env.HOME;` },
  { file: `${shared}/log.ts`, source: `import { config } from '@sluice/worker/config.ts';` },
  { file: `${shared}/log.ts`, source: `import { serve } from '../../../test/servers/redis.ts';` },
  { file: `${shared}/log.ts`, source: `import { openNats } from './adapters/nats/nats.ts';` },
  { file: `${shared}/log.ts`, source: `const level = process.env.LOG_LEVEL;` },
  { file: `${shared}/log.ts`, source: `import { env } from 'node:process';` },
  { file: 'services/ledger/src/main.ts', source: `import { meter } from '@sluice/worker/pipeline/meter.ts';` },
  {
    file: 'services/ledger/src/ledger.ts',
    source: `import { openPostgres } from '@sluice/shared/adapters/postgres/p.ts';`,
  },
  { file: 'services/ledger/src/ledger.ts', source: `const bus = await import('@sluice/shared/adapters/nats/bus.ts');` },
  { file: 'services/ledger/src/ledger.ts', source: `const url = process.env.DATABASE_URL;` },
  { file: 'services/worker/src/worker.ts', source: `import { book } from '../../ledger/src/sql/book-usage.ts';` },
  { file: 'services/worker/src/worker.ts', source: `import { main } from '@sluice/embedded/gateway.ts';` },
  { file: 'services/worker/src/worker.ts', source: `const provider = await import(name);` },
  { file: 'services/ingress/src/ingress.ts', source: `import { models } from './routes/openai/models.ts';` },
  {
    file: 'services/ingress/src/ingress.ts',
    source: `import {\n  models,\n  type Models,\n} from './routes/openai/models.ts';`,
  },
  { file: 'deploy/embedded/src/main.ts', source: `import { openRedisServer } from '@sluice/test/servers/redis.ts';` },
  { file: 'services/worker/src/worker.ts', source: `export default class Worker {}` },
  { file: 'services/worker/src/worker.ts', source: `// FIXME` },
  { file: 'services/worker/src/string-utils.ts', source: '' },
  { file: 'services/worker/src/data.ts', source: '' },
  { file: 'test/faults/kill.test.ts', source: `await new Promise((resolve) => setTimeout(resolve, 500));` },
  { file: 'test/faults/kill.test.ts', source: `import { setTimeout as sleep } from 'node:timers/promises';` },
  { file: 'test/faults/kill.test.ts', source: `await sleep(500);` },
];

for (const { file, source } of forbidden) {
  test(`forbidden in ${file}: ${source}`, () => assert.equal(violationsOf(file, source).length, 1));
}

/** What a file does that the rules forbid, a sentence each. */
function violationsOf(file: string, source: string): string[] {
  return [
    ...importViolations(file, source),
    ...environmentViolations(file, source),
    ...tidyRules
      .filter(({ of, not }) => path.matchesGlob(file, of) && not.test(source))
      .map(({ not, instead }) => `${file} has ${not}. Instead: ${instead}.`),
    ...(emptyNames.test(path.basename(file)) ? [`${file} is not named for what it holds.`] : []),
  ];
}

function importViolations(file: string, source: string): string[] {
  const rule = importRules.find(({ from }) => path.matchesGlob(file, from.replace('<a>', '*')));
  if (rule === undefined) return [];
  const own = file.split('/')[1] ?? '';
  const matches = (target: string, patterns: readonly string[]) =>
    patterns.some((pattern) => path.matchesGlob(target, pattern.replace('<a>', own)));

  return importsOf(file, source)
    .filter((target) => !matches(target, rule.may) || matches(target, rule.butNot ?? []))
    .map((target) => `${file} imports ${target}: ${rule.because}.`);
}

function environmentViolations(file: string, source: string): string[] {
  if (readsEnvironment.some((pattern) => path.matchesGlob(file, pattern))) return [];
  if (!/\bprocess\.env\b|\benv\b[^;]*from 'node:process'/.test(source)) return [];
  return [`${file} mentions process.env: only main.ts, …-main.ts and config.ts of a service do.`];
}

/** Everything a file imports: paths from the root for our own files, else `node/…` and `npm/<package>`. */
function importsOf(file: string, source: string): string[] {
  const statements = /^[ \t]*(?:import|export)\b(?:[\w\s{},*$]*\bfrom)?\s*(['"])(?<specifier>[^'"\n]+)\1/gm;
  const calls = /\bimport\(\s*(?<specifier>[^)\s,]+)/g;
  const specifiers = [
    ...[...source.matchAll(statements)].map((match) => match.groups?.specifier ?? ''),
    ...[...source.matchAll(calls)].map((match) => literalOf(match.groups?.specifier ?? '')),
  ];
  return [...new Set(specifiers)].map((specifier) => targetOf(file, specifier));
}

/** What no rule allows: an import that only running it would tell. */
const computed = 'a computed name';

function literalOf(argument: string): string {
  return /^(['"])(.+)\1$/.exec(argument)?.[2] ?? computed;
}

function targetOf(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return path.posix.join(path.posix.dirname(file), specifier);
  if (specifier.startsWith('node:')) return specifier.replace(':', '/');
  if (specifier === computed) return computed;
  const [scope = '', name = '', ...rest] = specifier.split('/');
  if (scope === '@sluice') return [folderOf(name), ...rest].join('/');
  return scope.startsWith('@') ? `npm/${scope}/${name}` : `npm/${scope}`;
}

/** Where `@sluice/<name>/x.ts` lies; see `exports` in each package.json. */
function folderOf(name: string): string {
  if (name === 'test') return 'test';
  const parent = ['packages', 'services', 'deploy'].find(
    (folder) => globSync(`${folder}/${name}`, { cwd: root }).length > 0,
  );
  return parent === undefined ? `@sluice/${name}` : `${parent}/${name}/src`;
}

function adapter(name: string, clients: readonly string[]): ImportRule {
  return {
    from: `${shared}/adapters/${name}/**`,
    may: [...forAdapters, `${shared}/adapters/{*.ts,${name}/**}`, ...clients.map((client) => `npm/${client}`)],
    because: 'replacing a client library touches one folder',
  };
}
