import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { beginningOfFile, chunk, endOfBody, endOfForm, headOfUpload, openFileRoutes } from './open-file-routes.ts';
import type { FileRoutes } from './open-file-routes.ts';

const longMs = 60_000;
const brief = { headMs: longMs, wholeMs: 150, restMs: longMs };

const beginningOfUpload = (key: string) => headOfUpload(key) + beginningOfFile;

/** All that has come on a connection so far. */
function reading(socket: Socket): () => string {
  let text = '';
  socket.on('data', (bytes) => (text += String(bytes)));
  return () => text;
}

async function storedFor({ sql }: FileRoutes): Promise<readonly unknown[]> {
  const { rows } = await sql.query(
    'select name from ingress.file_chunks union select file_id from ingress.files order by 1',
  );
  return rows;
}

const list = async (routes: FileRoutes, key: string) => {
  const response = await fetch(`${routes.url}/v1/files`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.text()).match(/"id":"file-[0-9a-f]{32}"/g) ?? [];
};

test('an upload that comes slowly but steadily is a file, long after other requests would be cut off', async () => {
  const uploadArrival = { idleMs: longMs, minBytesPerSecond: 1, graceMs: longMs };
  await using routes = await openFileRoutes({ arrival: brief, uploadArrival });
  const socket = await routes.connect();
  const received = reading(socket);
  const begunAt = performance.now();
  socket.write(beginningOfUpload('sk-red'));
  // A request of another connection goes there and back between each of its pieces.
  let pieces = 0;
  for (; performance.now() - begunAt < 4 * brief.wholeMs; pieces += 1) {
    socket.write(chunk('piece'));
    assert.deepEqual(await list(routes, 'sk-red'), []);
  }
  socket.write(endOfForm + endOfBody);
  await waitUntil(() => received().includes('"processed"'), { what: 'the file' });
  assert.match(received(), /^HTTP\/1\.1 200 /);
  assert.match(received(), new RegExp(`"bytes":${5 * pieces},`));
  assert.equal((await list(routes, 'sk-red-too')).length, 1);
});

for (const [what, key, uploadArrival] of [
  ['stops in the middle', 'sk-red', { idleMs: 150, minBytesPerSecond: 1, graceMs: longMs }],
  ['of a key that nobody knows does not come', 'sk-nobody', { idleMs: longMs, minBytesPerSecond: 1, graceMs: longMs }],
] as const) {
  test(`an upload that ${what} is cut off, leaves nothing, and its place is free`, async () => {
    const uploads = { total: 1, ofOwner: 1 };
    await using routes = await openFileRoutes({ arrival: { ...brief, restMs: 150 }, uploadArrival, uploads });
    const socket = await routes.connect();
    const received = reading(socket);
    const closed = once(socket, 'close');
    socket.write(beginningOfUpload(key) + chunk('x'.repeat(600_000)));
    await waitUntil(() => received() !== '', { what: 'the refusal' });
    if (key === 'sk-red') {
      assert.match(received(), /^HTTP\/1\.1 408 [^]*"The request took too long to arrive\."/);
      // The client keeps its side of the connection open: the server does not wait for it.
      await waitUntil(async () => (await storedFor(routes)).length === 0, { what: 'all of it is removed' });
    } else {
      assert.match(received(), /^HTTP\/1\.1 401 /);
      await once(socket, 'end');
      assert.deepEqual(await storedFor(routes), []);
    }
    socket.end();
    await closed;
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(['{}']), 'next.jsonl');
    const headers = { authorization: 'Bearer sk-red' };
    const next = await fetch(`${routes.url}/v1/files`, { method: 'POST', body: form, headers });
    assert.equal(next.status, 200, await next.text());
  });
}

test('what stands before or behind the parts of a form has a bound too, and nothing is stored', async () => {
  for (const beginning of [headOfUpload('sk-red'), beginningOfUpload('sk-red') + chunk('x') + endOfForm]) {
    await using routes = await openFileRoutes({ maxBytes: 1_000, arrival: { ...brief, wholeMs: longMs, restMs: 100 } });
    const socket = await routes.connect();
    const received = reading(socket);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.write(beginning);
    const sending = setInterval(() => socket.writable && socket.write(chunk('y'.repeat(8_192))), 5);
    await closed.finally(() => clearInterval(sending));
    assert.match(received(), /^HTTP\/1\.1 413 [^]*"The file is larger than 1000 bytes\."/);
    assert.deepEqual(await storedFor(routes), []);
  }
});

test('one owner has only so many uploads at a time, and others have theirs', async () => {
  await using routes = await openFileRoutes({ uploads: { total: 3, ofOwner: 2 } });
  const begun = [];
  for (const [key, status] of [
    ['sk-red', null],
    ['sk-red-too', null],
    ['sk-red', 503],
    ['sk-blue', null],
    ['sk-blue', 503],
  ] as const) {
    const socket = await routes.connect();
    const received = reading(socket);
    socket.write(beginningOfUpload(key) + chunk('x'));
    if (status === null) {
      const before = begun.push(socket);
      const rows = async () => (await routes.sql.query('select from ingress.files')).rowCount;
      await waitUntil(async () => (await rows()) === before, { what: 'the upload has begun' });
    } else {
      await waitUntil(() => received().includes('Many files are being uploaded'), { what: 'the refusal' });
      assert.match(received(), new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  }
});

test('an upload that does not fit any more is not read to its end, whatever it says of its length', async () => {
  const quota = { maxBytes: 1_000_000, maxFiles: 10 };
  await using routes = await openFileRoutes({ quota, arrival: { ...brief, wholeMs: longMs, restMs: 100 } });
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['x'.repeat(1_000_001)]), 'a.jsonl');
  const headers = { authorization: 'Bearer sk-red' };
  const refused = await fetch(`${routes.url}/v1/files`, { method: 'POST', body: form, headers });
  assert.equal(refused.status, 403);
  assert.match(await refused.text(), /"The file storage is full: [^"]*","type":"file_quota_exceeded"/);

  const socket = await routes.connect();
  const received = reading(socket);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(beginningOfUpload('sk-red'));
  const sending = setInterval(() => socket.writable && socket.write(chunk('y'.repeat(200_000))), 5);
  await closed.finally(() => clearInterval(sending));
  assert.match(received(), /^HTTP\/1\.1 403 [^]*file_quota_exceeded/);
  assert.deepEqual(await storedFor(routes), []);
});

async function storeLarge({ files }: FileRoutes, megabytes: number): Promise<string> {
  const bytes = async function* () {
    for (let nth = 0; nth < megabytes; nth += 1) yield Buffer.alloc(1024 * 1024, 'x');
  };
  const described = () => ({ filename: 'large', purpose: 'batch', expiresAfterSeconds: null });
  return (await files.create('team:red', bytes(), described)).fileId;
}

const get = (fileId: string, key = 'sk-red') =>
  `GET /v1/files/${fileId}/content HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n\r\n`;

test('who does not read what was asked for is cut off, and the place is free', async () => {
  await using routes = await openFileRoutes({ downloads: { total: 1, ofOwner: 1 }, downloadPieceMs: 1_000 });
  const fileId = await storeLarge(routes, 16); // more than the system takes on its way
  const headers = { authorization: 'Bearer sk-red' };
  const small = (range: string) =>
    fetch(`${routes.url}/v1/files/${fileId}/content`, { headers: { ...headers, range } });
  const stalled = await routes.connect();
  stalled.pause();
  stalled.write(get(fileId));
  await once(stalled, 'readable'); // the answer has begun, and whoever asks from here on finds the place taken
  assert.equal((await small('bytes=0-0')).status, 503);
  await waitUntil(async () => (await small('bytes=0-0')).status === 206, {
    what: 'the place is free',
    deadlineMs: 30_000,
  });
  const received: Buffer[] = [];
  stalled.on('data', (bytes) => received.push(bytes));
  const closed = new Promise<void>((resolve) => stalled.once('close', () => resolve()));
  stalled.once('end', () => stalled.end());
  stalled.resume();
  await closed;
  assert.ok(Buffer.concat(received).length < 16 * 1024 * 1024, 'not all of it: the client knows by its length');
});

test('who reads slowly but goes on gets all of it', async () => {
  const pieceMs = 400;
  await using routes = await openFileRoutes({ downloadPieceMs: pieceMs });
  const fileId = await storeLarge(routes, 16);
  const response = await fetch(`${routes.url}/v1/files/${fileId}/content`, {
    headers: { authorization: 'Bearer sk-red' },
  });
  const begunAt = performance.now();
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    // Behind the clock on purpose: 16 MiB in three times what one piece may take.
    const dueAt = begunAt + (3 * pieceMs * bytes) / (16 * 1024 * 1024);
    await waitUntil(() => performance.now() >= dueAt, { what: 'it is time to read on' });
  }
  assert.equal(bytes, 16 * 1024 * 1024);
  assert.ok(performance.now() - begunAt >= 2 * pieceMs);
});

test('a range on a condition is the whole, since files have nothing that a condition could hold for', async () => {
  await using routes = await openFileRoutes();
  const fileId = await storeLarge(routes, 1);
  const ask = (headers: Record<string, string>) =>
    fetch(`${routes.url}/v1/files/${fileId}/content`, {
      headers: { authorization: 'Bearer sk-red', range: 'bytes=0-9', ...headers },
    });
  const [range, whole] = await Promise.all([ask({}), ask({ 'if-range': '"an-etag"' })]);
  assert.deepEqual([range.status, (await range.arrayBuffer()).byteLength], [206, 10]);
  assert.deepEqual([whole.status, (await whole.arrayBuffer()).byteLength], [200, 1024 * 1024]);
});
