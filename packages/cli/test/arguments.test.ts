import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments, type Command } from '../src/arguments.ts';
import { Failure } from '../src/failure.ts';
import { gatewayAddress } from '../src/gateway-address.ts';

const submitted: Command = {
  name: 'submit',
  file: 'in.jsonl',
  endpoint: '/v1/chat/completions',
  window: '24h',
  metadata: {},
  dryRun: false,
  watch: false,
};

const understood: [string, Command][] = [
  ['batch submit in.jsonl', submitted],
  ['batch submit --watch in.jsonl --dry-run', { ...submitted, watch: true, dryRun: true }],
  [
    'batch submit in.jsonl --endpoint /v1/embeddings --window 2h',
    { ...submitted, endpoint: '/v1/embeddings', window: '2h' },
  ],
  ['batch submit in.jsonl --metadata a=b=c --metadata d=', { ...submitted, metadata: { a: 'b=c', d: '' } }],
  ['batch status batch_1', { name: 'status', id: 'batch_1', watch: false }],
  ['batch status batch_1 --watch', { name: 'status', id: 'batch_1', watch: true }],
  ['batch list', { name: 'list', limit: 20 }],
  ['batch list --limit 100', { name: 'list', limit: 100 }],
  ['batch cancel batch_1', { name: 'cancel', id: 'batch_1' }],
  [
    'batch download batch_1',
    { name: 'download', id: 'batch_1', output: 'batch_1_output.jsonl', errors: 'batch_1_error.jsonl' },
  ],
  ['batch download batch_1 --output o --errors e', { name: 'download', id: 'batch_1', output: 'o', errors: 'e' }],
];
for (const [line, command] of understood) {
  test(`arguments: ${line}`, () => assert.deepEqual(readArguments(line.split(' ')), { command, url: undefined }));
}

test('arguments: the URL goes with each command', () => {
  const read = readArguments(['--url', 'http://x', 'batch', 'list']);
  assert.deepEqual(read, { command: { name: 'list', limit: 20 }, url: 'http://x' });
});

const wrong: [string, RegExp][] = [
  ['files', /unknown command files/],
  ['batch', /unknown command batch/],
  ['batch toString x', /unknown command batch toString/],
  ['batch submit', /FILE is missing/],
  ['batch status', /ID is missing/],
  ['batch status ../keys', /not the ID of a batch/],
  ['batch status a b', /unexpected argument b/],
  ['batch list a', /unexpected argument a/],
  ['batch list --limit 0', /--limit/],
  ['batch list --limit 101', /--limit/],
  ['batch cancel batch_1 --watch', /--watch does not belong to batch cancel/],
  ['batch submit a --output b', /--output does not belong to batch submit/],
  ['batch submit a --metadata b', /KEY=VALUE/],
  ['batch submit a --metadata =b', /KEY=VALUE/],
  ['batch submit a --api-key sk-x', /--api-key/],
];
for (const [line, message] of wrong) {
  test(`arguments: ${line} is wrong usage`, () =>
    assert.throws(() => readArguments(line.split(' ')), { name: 'Failure', message, exitCode: 2 }));
}

const addresses: [string | undefined, Record<string, string>, string][] = [
  [undefined, {}, 'http://127.0.0.1:4000'],
  [undefined, { OPENAI_BASE_URL: 'http://a:1/v1' }, 'http://a:1'],
  [undefined, { OPENAI_BASE_URL: 'http://a/v1', SLUICE_URL: 'https://b/' }, 'https://b'],
  ['http://c/sluice/v1/', { SLUICE_URL: 'https://b' }, 'http://c/sluice'],
];
for (const [given, env, url] of addresses) {
  test(`address: ${given ?? ''} ${JSON.stringify(env)} is ${url}`, () =>
    assert.deepEqual(gatewayAddress(given, { ...env, SLUICE_API_KEY: 'k', OPENAI_API_KEY: 'other' }), {
      url,
      apiKey: 'k',
    }));
}

test('address: what is wrong is said without what may be a key', () => {
  const key = { OPENAI_API_KEY: 'sk-planted' };
  const cases: [string, Record<string, string>, RegExp][] = [
    ['http://a', {}, /set SLUICE_API_KEY/],
    ['sk-planted', key, /URL/],
    ['ftp://a/planted', key, /URL/],
    ['http://planted@a', key, /must not hold/],
    ['http://u:planted@a', key, /must not hold/],
  ];
  for (const [given, env, message] of cases) {
    assert.throws(
      () => gatewayAddress(given, env),
      (error) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, message);
        assert.ok(!error.message.includes('planted'));
        return error.exitCode === 2;
      },
    );
  }
});
