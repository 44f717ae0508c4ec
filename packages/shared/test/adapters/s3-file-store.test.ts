import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openS3FileStore, type S3FileStoreOptions } from '../../src/adapters/s3/s3-file-store.ts';
import { openS3Server, s3Bucket, s3Credentials } from '../../../../test/servers/s3.ts';
import type { TestServer } from '../../../../test/servers/server.ts';
import { fileStoreConformance } from '../conformance/file-store.ts';

let server: TestServer;
before(async () => {
  server = await openS3Server();
});
after(() => server[Symbol.asyncDispose]());

function open(options: Partial<S3FileStoreOptions> = {}) {
  return openS3FileStore({
    bucket: s3Bucket,
    region: 'eu-frankfurt-1',
    endpoint: server.url,
    prefix: 'tests/',
    credentials: s3Credentials,
    ...options,
  });
}

fileStoreConformance('S3', async () => {
  const store = open();
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(bytes)).toString();
}

test('S3 files: prefixes keep stores in one bucket apart', async () => {
  await using one = open({ prefix: 'one/' });
  await using two = open({ prefix: 'two/' });
  await one.put('file', bytesOf('of one'));
  await two.put('file', bytesOf('of two'));
  assert.equal(await textOf(one.read('file')), 'of one');
  await one.delete('file');
  assert.equal(await textOf(two.read('file')), 'of two');
});

test('S3 files: what is signed with another key, or a bucket that is not there, is no store', async () => {
  const stores = [
    { credentials: { ...s3Credentials, secretAccessKey: 'another' } },
    { credentials: { ...s3Credentials, accessKeyId: 'nobody' } },
    { bucket: 'nowhere' },
  ];
  for (const options of stores) {
    await using store = open(options);
    await assert.rejects(store.ping(), unavailable);
    await assert.rejects(store.put('file', bytesOf('text')), unavailable);
    await assert.rejects(textOf(store.read('file')), unavailable);
    await assert.rejects(store.delete('file'), unavailable);
  }
});

test('S3 files: a server that is gone, or hangs, is an error in time, and files are there after it', async () => {
  await using own = await openS3Server();
  await using store = open({ endpoint: own.url, timeLimitMs: 300 });
  await store.put('file', bytesOf('kept'));
  for (const [stop, start] of [
    [() => own.kill('SIGSTOP'), () => own.kill('SIGCONT')],
    [() => own.kill('SIGKILL'), () => own.start()],
  ] as const) {
    await stop();
    const askedAt = performance.now();
    await assert.rejects(store.ping(), unavailable);
    await assert.rejects(textOf(store.read('file')), unavailable);
    await assert.rejects(store.put('other', bytesOf('text')), unavailable);
    assert.ok(performance.now() - askedAt < 6_000);
    await start();
    assert.equal(await textOf(store.read('file')), 'kept');
  }
});
