import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import OpenAI, { NotFoundError, toFile } from 'openai';
import { z } from 'zod';
import { FileObject } from '../../services/ingress/src/routes/openapi/answers/file-answers.ts';
import { openS3Server, s3Bucket, s3Credentials } from '../servers/s3.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { ask, errorOf, post } from './ask.ts';
import { gateways } from './gateway.ts';
import type { TestGateway } from './gateway.ts';
import { maxBytes, sendForm, wrongUploads } from './wrong-uploads.ts';

const lines = Array.from({ length: 300 }, (_, nth) => `{"custom_id":"${nth}","text":"Grüße – 海"}\n`).join('');
const file = () => toFile(Buffer.from(lines), 'requests.jsonl');

for (const { mode, open } of gateways) {
  describe(`${mode}: files`, () => {
    let gateway: TestGateway;
    let client: OpenAI;
    before(async () => {
      gateway = await open({ config: { sluice_settings: { files: { max_bytes: maxBytes } } } });
      client = gateway.client(await gateway.newKey());
    });
    after(() => gateway[Symbol.asyncDispose]());

    /** A client whose key is of a new team. */
    async function ofNewTeam(alias: string) {
      const team = await post(gateway, '/team/new', { team_alias: alias });
      const { team_id } = z.looseObject({ team_id: z.string() }).parse(JSON.parse(team.text));
      const another = async () => gateway.client(await gateway.newKey({ team_id }));
      return { one: await another(), two: await another() };
    }

    test('the openai SDK, unchanged: create, retrieve, content, delete', async () => {
      const created = await client.files.create({ file: await file(), purpose: 'batch' });
      assert.match(created.id, /^file-[0-9a-f]{32}$/);
      assert.equal(created.object, 'file');
      assert.equal(created.bytes, Buffer.byteLength(lines));
      assert.equal(created.filename, 'requests.jsonl');
      assert.equal(created.purpose, 'batch');
      assert.equal(created.status, 'processed');
      assert.ok(Math.abs(created.created_at - Date.now() / 1_000) < 60);
      assert.equal(created.expires_at, created.created_at + 2_592_000);
      assert.deepEqual(await client.files.retrieve(created.id), created);
      assert.deepEqual(await client.files.waitForProcessing(created.id), created);
      const content = await client.files.content(created.id);
      assert.equal(content.headers.get('content-length'), String(created.bytes));
      assert.equal(content.headers.get('content-disposition'), 'attachment; filename=requests.jsonl');
      assert.equal(await content.text(), lines);
      assert.deepEqual(await client.files.delete(created.id), { id: created.id, object: 'file', deleted: true });
      const gone = { status: 404, message: `404 No such File object: ${created.id}`, param: 'id' };
      for (const again of ['retrieve', 'content', 'delete'] as const) {
        await assert.rejects(client.files[again](created.id), gone, again);
      }
    });

    test('a file that is streamed, one without a name of its kind, and when they expire', async () => {
      const streamed = await toFile(Readable.from([Buffer.from('{"a":'), Buffer.from('1}\n')]), 'größe 海.jsonl');
      const expires = { anchor: 'created_at', seconds: 3_600 } as const;
      const created = await client.files.create({ file: streamed, purpose: 'user_data', expires_after: expires });
      assert.equal(created.filename, 'größe 海.jsonl');
      assert.equal(created.expires_at, created.created_at + 3_600);
      const content = await client.files.content(created.id);
      assert.match(content.headers.get('content-disposition') ?? '', /filename\*=UTF-8''gr%C3%B6%C3%9Fe/);
      assert.equal(await content.text(), '{"a":1}\n');
      const kept = await client.files.create({ file: await file(), purpose: 'user_data' });
      assert.equal(kept.expires_at, null);
    });

    test('lists follow each other by cursors, in both orders, and by purpose', async () => {
      const { one } = await ofNewTeam('lists');
      const made: string[] = [];
      for (let nth = 0; nth < 7; nth += 1) {
        const purpose = nth % 3 === 0 ? 'user_data' : 'batch';
        made.push((await one.files.create({ file: await file(), purpose })).id);
      }
      const ids = async (params: OpenAI.FileListParams) =>
        (await Array.fromAsync(one.files.list(params))).map(({ id }) => id);
      assert.deepEqual(await ids({}), made.toReversed());
      assert.deepEqual(await ids({ limit: 2 }), made.toReversed());
      assert.deepEqual(await ids({ limit: 3, order: 'asc' }), made);
      assert.deepEqual(
        await ids({ purpose: 'user_data', order: 'asc' }),
        made.filter((_, nth) => nth % 3 === 0),
      );
      const page = await one.files.list({ limit: 2, order: 'asc' });
      assert.equal(page.has_more, true);
      assert.deepEqual(await ids({ order: 'asc', after: made[4] ?? '' }), made.slice(5));
      const first = await ask(gateway, '/files?limit=1', { key: String(one.apiKey) });
      const whole = z.looseObject({}).parse(JSON.parse(first.text));
      assert.deepEqual(
        { ...whole, data: [] },
        { object: 'list', data: [], has_more: true, first_id: made[6], last_id: made[6] },
      );
      for await (const { id } of one.files.list({ limit: 2 })) await one.files.delete(id);
      assert.deepEqual(await ids({}), []);
    });

    test('a file is its team’s; for all others it does not exist, the operator included', async () => {
      const [red, blue] = [await ofNewTeam('red'), await ofNewTeam('blue')];
      const { id } = await red.one.files.create({ file: await file(), purpose: 'batch' });
      assert.equal((await red.two.files.retrieve(id)).id, id);
      const nothing = 'file-00000000000000000000000000000000';
      for (const other of [blue.one, client, gateway.client()]) {
        for (const action of ['retrieve', 'content', 'delete'] as const) {
          const texts = [id, nothing].map(async (each) => {
            const error: unknown = await other.files[action](each).then(
              () => null,
              (thrown: unknown) => thrown,
            );
            assert.ok(error instanceof NotFoundError);
            return error.message.replace(each, '');
          });
          const [theirs, none] = await Promise.all(texts);
          assert.equal(theirs, none, action);
        }
        assert.deepEqual(
          (await other.files.list()).data.filter((each) => each.id === id),
          [],
        );
        await assert.rejects(Array.fromAsync(other.files.list({ after: id })), { status: 400, param: 'after' });
      }
      assert.equal(await (await red.two.files.content(id)).text(), lines);
    });

    test('a regenerated key has its files still', async () => {
      const key = await gateway.newKey();
      const { id } = await gateway.client(key).files.create({ file: await file(), purpose: 'batch' });
      const made = await post(gateway, '/key/regenerate', { key });
      const { key: anew } = z.looseObject({ key: z.string() }).parse(JSON.parse(made.text));
      assert.equal((await gateway.client(anew).files.retrieve(id)).id, id);
    });

    test('ranges', async () => {
      const { id } = await client.files.create({ file: await file(), purpose: 'batch' });
      const bytes = Buffer.from(lines);
      const size = bytes.length;
      const get = async (range: string, method = 'GET') => {
        const response = await gateway.request(`/v1/files/${id}/content`, {
          method,
          headers: { range, authorization: `Bearer ${client.apiKey}` },
        });
        const { status, headers } = response;
        const body = Buffer.from(await response.arrayBuffer());
        return { status, body, range: headers.get('content-range'), length: headers.get('content-length') };
      };
      for (const [range, from, to] of [
        ['bytes=0-0', 0, 1],
        ['bytes=10-19', 10, 20],
        ['bytes=100-', 100, size],
        ['bytes=-7', size - 7, size],
        [`bytes=5-${size * 2}`, 5, size],
      ] as const) {
        const contentRange = `bytes ${from}-${to - 1}/${size}`;
        const length = String(to - from);
        assert.deepEqual(await get(range), {
          status: 206,
          body: bytes.subarray(from, to),
          range: contentRange,
          length,
        });
        const head = { status: 206, body: Buffer.alloc(0), range: contentRange, length };
        assert.deepEqual(await get(range, 'HEAD'), head);
      }
      for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=b-a']) {
        const { status, body } = await get(range);
        assert.equal(status, 200, range);
        assert.ok(body.equals(bytes));
      }
      const beyond = await get(`bytes=${size}-`);
      assert.deepEqual({ status: beyond.status, range: beyond.range }, { status: 416, range: `bytes */${size}` });
    });

    for (const { why, status, type, param, message, ...form } of wrongUploads) {
      test(`${status} for ${why}, and nothing is stored`, async () => {
        const key = await gateway.newKey();
        const reply = await sendForm(gateway, key, form);
        const error = errorOf(reply);
        assert.match(error.message, message);
        assert.deepEqual(
          { status: reply.status, ...error },
          { status, type, param, code: String(status), message: error.message },
        );
        assert.deepEqual((await gateway.client(key).files.list()).data, []);
      });
    }

    for (const [query, param] of [
      ['limit=0', 'limit'],
      ['limit=10001', 'limit'],
      ['limit=a', 'limit'],
      ['order=up', 'order'],
      ['after=file-1', 'after'],
      ['after=a&after=b', 'after'],
      ['purpose=%00', 'purpose'],
    ] as const) {
      test(`400 for a list with ${query}`, async () => {
        const reply = await ask(gateway, `/v1/files?${query}`);
        assert.deepEqual({ status: reply.status, param: errorOf(reply).param }, { status: 400, param });
      });
    }

    for (const id of ['file-1', 'x', '%00', `file-${'0'.repeat(33)}`, 'file-GGGG0000000000000000000000000000']) {
      test(`404 for ${id}`, async () => {
        for (const path of [`/v1/files/${id}`, `/files/${id}/content`]) {
          const reply = await ask(gateway, path);
          assert.equal(reply.status, 404);
          assert.match(errorOf(reply).message, /^No such File object: /);
        }
      });
    }

    test('keys of the kind for inference may, keys for management and reading may not', async () => {
      for (const [key_type, may] of [
        ['llm_api', true],
        ['management', false],
        ['read_only', false],
      ] as const) {
        const limited = gateway.client(await gateway.newKey({ key_type }));
        const asked = Promise.all([limited.files.list(), limited.files.content('file-1').catch(notFound)]);
        if (may) await asked;
        else await assert.rejects(asked, { status: 403 });
      }
    });

    test('the file may come before its fields', async () => {
      const reply = await sendForm(gateway, String(client.apiKey), {
        parts: [
          { name: 'file', filename: 'a.jsonl', text: 'first' },
          { name: 'expires_after[seconds]', text: '7200' },
          { name: 'purpose', text: 'batch' },
          { name: 'target_model_names', text: 'llama' },
          { name: 'expires_after[anchor]', text: 'created_at' },
        ],
      });
      const { created_at, expires_at, bytes } = FileObject.parse(JSON.parse(reply.text));
      assert.deepEqual({ expires_at, bytes }, { expires_at: created_at + 7_200, bytes: 5 });
    });

    test('a client that leaves in the middle leaves nothing, and the gateway goes on', async () => {
      const key = await gateway.newKey();
      const { hostname, port } = new URL(gateway.url);
      for (const sent of [100, 300_000, 900_000]) {
        const socket = connect(Number(port), hostname);
        socket.write(
          `POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-length: 1000000\r\n` +
            'content-type: multipart/form-data; boundary=b\r\n\r\n' +
            '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n',
        );
        await new Promise((resolve) => socket.write('x'.repeat(sent), resolve));
        socket.destroy();
      }
      const kept = await gateway.client(key).files.create({ file: await file(), purpose: 'batch' });
      assert.deepEqual(
        (await gateway.client(key).files.list()).data.map(({ id }) => id),
        [kept.id],
      );
    });
  });
}

describe('embedded: a file store that is away', () => {
  test('takes files with it, and nothing else: the ingress says so and is ready', async () => {
    await using store = await openS3Server();
    const s3 = {
      endpoint: store.url,
      region: 'eu-frankfurt-1',
      bucket: s3Bucket,
      access_key_id: s3Credentials.accessKeyId,
      secret_access_key: s3Credentials.secretAccessKey,
    };
    await using gateway = await gateways[0].open({ config: { sluice_settings: { files: { s3 } } } });
    const readiness = async () => {
      const { status, text } = await ask(gateway, '/health/readiness');
      return { status, files: Readiness.parse(JSON.parse(text)).parts.files };
    };
    const client = gateway.client(await gateway.newKey());
    const { id } = await client.files.create({ file: await file(), purpose: 'batch' });
    assert.deepEqual(await readiness(), { status: 200, files: 'ok' });
    await store.kill('SIGKILL');
    assert.deepEqual(await readiness(), { status: 200, files: 'unavailable' });
    await assert.rejects(client.files.content(id, { maxRetries: 0 }), { status: 503 });
    assert.equal((await client.files.retrieve(id)).id, id);
    assert.equal((await ask(gateway, '/v1/models')).status, 200);
    await store.start();
    assert.equal(await (await client.files.content(id)).text(), lines);
    assert.deepEqual(await readiness(), { status: 200, files: 'ok' });
  });
});

const Readiness = z.looseObject({ parts: z.looseObject({ files: z.string() }) });

describe('embedded: a large file', () => {
  test('goes up and comes down within a bound of memory', async (context) => {
    await using gateway = await gateways[0].open();
    const { pid } = gateway.child;
    const client = gateway.client();
    const megabytes = Number(process.env['SLUICE_TEST_FILE_MB'] ?? 64);
    const warm = await client.files.create({
      file: await toFile(randomBytes(4 * 2 ** 20), 'warm'),
      purpose: 'user_data',
    });
    await (await client.files.content(warm.id)).arrayBuffer();
    const atFirst = residentBytes(pid);
    let most = atFirst;
    const watching = setInterval(() => {
      most = Math.max(most, residentBytes(pid));
    }, 50);
    const sent = createHash('sha256');
    const part = randomBytes(2 ** 20);
    const body = async function* () {
      yield Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="large.jsonl"\r\n\r\n');
      for (let nth = 0; nth < megabytes; nth += 1) {
        part.writeUInt32LE(nth, 0);
        sent.update(part);
        yield Buffer.from(part);
      }
      yield Buffer.from('\r\n--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--b--\r\n');
    };
    const uploading = request(`${gateway.url}/v1/files`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.masterKey}`,
        'content-type': 'multipart/form-data; boundary=b',
        'transfer-encoding': 'chunked',
      },
    });
    const answered = new Promise<OpenAI.FileObject>((resolve, reject) => {
      uploading.once('error', reject);
      uploading.once('response', (response) => {
        void Array.fromAsync(response).then((parts) => resolve(JSON.parse(Buffer.concat(parts).toString())), reject);
      });
    });
    await pipeline(Readable.from(body()), uploading);
    const created = await answered;
    assert.equal(created.bytes, megabytes * 2 ** 20);
    const received = createHash('sha256');
    const content = await client.files.content(created.id);
    for await (const bytes of content.body ?? []) received.update(bytes);
    assert.equal(received.digest('hex'), sent.digest('hex'));
    clearInterval(watching);
    const grown = Math.round((most - atFirst) / 2 ** 20);
    context.diagnostic(`${megabytes} MB: grown by ${grown} MB`);
    assert.ok(grown <= 100, `the process has grown by ${grown} MB`);
    await client.files.delete(created.id);
    await waitUntil(async () => (await client.files.list()).data.length === 1, { what: 'the file is gone' });
  });
});

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

function notFound(error: unknown): void {
  if (!(error instanceof NotFoundError)) throw error;
}
