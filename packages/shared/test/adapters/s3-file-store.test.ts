import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
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

interface Passed {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Stands before the server and notes what is asked, as it is signed. What is not there cannot be deleted, as some stores
 * have it.
 */
async function openRecorder(port: number) {
  const passed: Passed[] = [];
  const missing = new Set<string>();
  const recorder = createServer((req, res) => {
    const { method = '', url: path = '', headers } = req;
    passed.push({ method, path, headers });
    if (method === 'DELETE' && missing.has(path)) {
      res.writeHead(404, { 'content-type': 'application/xml' });
      res.end('<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>');
      return;
    }
    if (method === 'DELETE') missing.add(path);
    const asked = request({ host: '127.0.0.1', port, method, path, headers });
    asked.once('response', (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      void pipeline(answer, res).catch(() => undefined);
    });
    void pipeline(req, asked).catch(() => res.destroy());
  });
  recorder.listen(0, '127.0.0.1');
  await once(recorder, 'listening');
  const address = recorder.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    passed,
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      recorder.closeAllConnections();
      recorder.close();
      await once(recorder, 'close');
    },
  };
}

test('S3 files: only what stores other than AWS’s know is asked of them: OCI Object Storage is one', async () => {
  await using recorder = await openRecorder(server.port);
  await using store = open({ endpoint: recorder.url });
  const large = (async function* () {
    for (let nth = 0; nth < 13; nth += 1) yield Buffer.alloc(1024 * 1024);
  })();
  assert.equal(await store.put('large', large), 13 * 1024 * 1024);
  await store.put('small', bytesOf('text'));
  assert.equal(await textOf(store.read('small', { from: 1, to: 3 })), 'ex');
  await store.ping();
  await store.delete('small');
  await store.delete('small'); // a store that has no such object says so

  const { passed } = recorder;
  assert.ok(passed.filter(({ path }) => /partNumber=\d/.test(path)).length >= 3, 'in parts');
  for (const { method, path, headers } of passed) {
    assert.ok(path.startsWith(`/${s3Bucket}/`), `the bucket is in the path: ${path}`);
    assert.match(
      headers.authorization ?? '',
      /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/eu-frankfurt-1\/s3\/aws4_request/,
    );
    for (const name of ['x-amz-trailer', 'x-amz-sdk-checksum-algorithm', 'x-amz-checksum-mode', 'content-encoding']) {
      assert.equal(headers[name], undefined, `${method} ${path}: ${name}`);
    }
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('x-amz-checksum-')),
      [],
    );
    assert.doesNotMatch(String(headers['x-amz-content-sha256']), /^STREAMING/);
    if (method === 'PUT') assert.match(headers['content-length'] ?? '', /^\d+$/);
  }
});

test('S3 files: whether the store is there is known within a second or so', async () => {
  await using own = await openS3Server();
  await using store = open({ endpoint: own.url });
  await store.ping();
  await own.kill('SIGSTOP');
  const askedAt = performance.now();
  await assert.rejects(store.ping(), unavailable);
  assert.ok(performance.now() - askedAt < 3_000);
  await own.kill('SIGCONT');
});
