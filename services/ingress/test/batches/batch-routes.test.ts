import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import { filesIn } from '../../src/files/files.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { batchOf } from '../../src/batches/sql/batch-row.ts';
import { openBatches, chatLine, validate } from './open-batches.ts';
import type { Batches } from './open-batches.ts';
import { openBatchRoutes } from './open-batch-routes.ts';
import type { BatchRoutes } from './open-batch-routes.ts';

let batches: Batches;
let gateway: BatchRoutes;
let fileId: string;
before(async () => {
  batches = await openBatches();
  gateway = await openBatchRoutes(batches);
  fileId = await batches.upload(chatLine('a'));
});
after(async () => {
  await gateway[Symbol.asyncDispose]();
  await batches[Symbol.asyncDispose]();
});
beforeEach(async () => void (await batches.sql.query('truncate ingress.batches, ingress.batch_lines')));

const usual = () => ({ input_file_id: fileId, endpoint: '/v1/chat/completions', completion_window: '24h' });

async function create(changes: object = {}, key = 'sk-a') {
  const { status, body } = await gateway.ask('POST /v1/batches', { body: { ...usual(), ...changes }, key });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

test('POST 200: the batch is made, and waits to be checked', async () => {
  const beganAt = Math.floor(Date.now() / 1_000);
  const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`.padEnd(64, 'x'), 'v'.repeat(512)]));
  const made = await create({
    metadata,
    output_expires_after: { anchor: 'created_at', seconds: 3_600 },
    custom_llm_provider: 'openai',
  });
  assert.match(made.id, /^batch_[0-9a-f]{32}$/);
  assert.ok(made.created_at >= beganAt);
  assert.deepEqual(made, {
    id: made.id,
    object: 'batch',
    endpoint: '/v1/chat/completions',
    model: null,
    errors: null,
    input_file_id: fileId,
    completion_window: '24h',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: made.created_at,
    in_progress_at: null,
    expires_at: made.created_at + 86_400,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
    usage: {
      input_tokens: 0,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 0,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 0,
    },
    metadata,
    sluice: { paused_reason: null, lines_per_second: null, estimated_completion_at: null, cost_usd: 0 },
  });
  assert.equal((await batches.read(made.id)).outputExpiresAfterSeconds, 3_600);
  assert.deepEqual((await gateway.ask(`GET /v1/batches/${made.id}`)).body, made);
});

const windows: [window: string, seconds: number][] = [
  ['1m', 60],
  ['60s', 60],
  ['1h', 3_600],
  ['7d', 604_800],
  ['30d', 2_592_000],
];
for (const [completion_window, seconds] of windows) {
  test(`POST 200: a window of ${completion_window}`, async () => {
    const made = await create({ completion_window });
    assert.equal(made.completion_window, completion_window);
    assert.equal(made.expires_at - made.created_at, seconds);
  });
}

const wrongWindow = "Invalid value for 'completion_window': expected 24h, or another duration from 1m to 30d.";
const endpoints = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/rerank', '/v1/moderations'];
const oneOf = endpoints.map((endpoint) => `"${endpoint}"`).join('|');

interface Refused {
  why: string;
  body: () => unknown;
  param: string | null;
  message: string | (() => string);
  status?: number;
  key?: string;
}
const refusedBatches: Refused[] = [
  {
    why: 'no file',
    body: () => ({ ...usual(), input_file_id: undefined }),
    param: 'input_file_id',
    message: "Missing required parameter: 'input_file_id'.",
  },
  {
    why: 'a file that there is not',
    body: () => ({ ...usual(), input_file_id: `file-${'0'.repeat(32)}` }),
    param: 'input_file_id',
    message: `No such File object: file-${'0'.repeat(32)}`,
  },
  {
    why: 'what is no id of a file',
    body: () => ({ ...usual(), input_file_id: 'x\0' }),
    param: 'input_file_id',
    message: 'No such File object: x\0',
  },
  {
    why: "another team's file",
    body: usual,
    key: 'sk-b',
    param: 'input_file_id',
    message: () => `No such File object: ${fileId}`,
  },
  {
    why: "a team's file, to the operator",
    body: usual,
    key: 'sk-master',
    param: 'input_file_id',
    message: () => `No such File object: ${fileId}`,
  },
  {
    why: 'no endpoint',
    body: () => ({ ...usual(), endpoint: null }),
    param: 'endpoint',
    message: `Invalid value for 'endpoint': Invalid option: expected one of ${oneOf}.`,
  },
  {
    why: 'an endpoint that batches do not have',
    body: () => ({ ...usual(), endpoint: '/chat/completions' }),
    param: 'endpoint',
    message: `Invalid value for 'endpoint': Invalid option: expected one of ${oneOf}.`,
  },
  {
    why: 'an endpoint that the key may not call',
    body: () => ({ ...usual(), endpoint: '/v1/embeddings' }),
    key: 'sk-chats',
    status: 403,
    param: null,
    message:
      "Virtual key is not allowed to call this route. Only allowed to call routes: ['/v1/batches', '/v1/chat/completions']. Tried to call route: /v1/embeddings",
  },
  {
    why: 'no window',
    body: () => ({ ...usual(), completion_window: undefined }),
    param: 'completion_window',
    message: "Missing required parameter: 'completion_window'.",
  },
  ...['59s', '31d', '2mo', 'yearly', 'none', ''].map((completion_window) => ({
    why: `a window of ${JSON.stringify(completion_window)}`,
    body: () => ({ ...usual(), completion_window }),
    param: 'completion_window',
    message: wrongWindow,
  })),
  {
    why: 'a window that is no duration',
    body: () => ({ ...usual(), completion_window: 'soon' }),
    param: 'completion_window',
    message:
      "Invalid value for 'completion_window': Invalid duration 'soon'. Use a number with s, m, h, d, w or mo (30s, 5m, 24h, 30d, 1w, 1mo), or hourly, daily, weekly, monthly or yearly; at most 100 years.",
  },
  {
    why: 'too many pairs of metadata',
    body: () => ({ ...usual(), metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) }),
    param: 'metadata',
    message: "Invalid value for 'metadata': at most 16 pairs are allowed.",
  },
  {
    why: 'a number in metadata',
    body: () => ({ ...usual(), metadata: { a: 1 } }),
    param: 'metadata.a',
    message: "Invalid value for 'metadata.a': Invalid input: expected string, received number.",
  },
  {
    why: 'a long value in metadata',
    body: () => ({ ...usual(), metadata: { a: 'x'.repeat(513) } }),
    param: 'metadata.a',
    message: "Invalid value for 'metadata.a': Too big: expected string to have <=512 characters.",
  },
  {
    why: 'what cannot be stored in metadata',
    body: () => ({ ...usual(), metadata: { a: '\0' } }),
    param: 'metadata.a',
    message: "Invalid value for 'metadata.a': U+0000 and half surrogate pairs are not allowed.",
  },
  {
    why: 'another anchor',
    body: () => ({ ...usual(), output_expires_after: { anchor: 'completed_at', seconds: 3_600 } }),
    param: 'output_expires_after.anchor',
    message: `Invalid value for 'output_expires_after.anchor': Invalid input: expected "created_at".`,
  },
  {
    why: 'outputs that go too soon',
    body: () => ({ ...usual(), output_expires_after: { anchor: 'created_at', seconds: 3_599 } }),
    param: 'output_expires_after.seconds',
    message: "Invalid value for 'output_expires_after.seconds': Too small: expected number to be >=3600.",
  },
  {
    why: 'an unknown parameter',
    body: () => ({ ...usual(), priority: 1 }),
    param: 'priority',
    message: "Unknown parameter: 'priority'.",
  },
  {
    why: 'an unknown parameter of ours',
    body: () => ({ ...usual(), sluice: { dryrun: true } }),
    param: 'sluice.dryrun',
    message: "Unknown parameter: 'sluice.dryrun'.",
  },
  {
    why: 'a dry run that is no boolean',
    body: () => ({ ...usual(), sluice: { dry_run: 'yes' } }),
    param: 'sluice.dry_run',
    message: "Invalid value for 'sluice.dry_run': Invalid input: expected boolean, received string.",
  },
];

for (const { why, body, param, message, status = 400, key } of refusedBatches) {
  test(`POST ${status}: ${why}`, async () => {
    const answer = await gateway.ask('POST /v1/batches', { body: body(), ...(key && { key }) });
    const type = status === 403 ? 'permission_error' : 'invalid_request_error';
    const text = typeof message === 'string' ? message : message();
    assert.deepEqual(answer.body.error, { message: text, type, param, code: String(status) });
    assert.equal(answer.status, status);
    const { rows } = await batches.sql.query('select from ingress.batches');
    assert.equal(rows.length, 0);
  });
}

test('POST 400: a file that is for something else', async () => {
  const described = { filename: 'a', purpose: 'user_data', expiresAfterSeconds: null };
  const bytes = (async function* () {
    yield Buffer.from('a');
  })();
  const other = await batches.files.create('team:a', bytes, () => described);
  const { status, body } = await gateway.ask('POST /v1/batches', { body: { ...usual(), input_file_id: other.fileId } });
  assert.equal(status, 400);
  assert.equal(body.error.message, "Invalid value for 'input_file_id': the file is for user_data, not for batch.");
});

test('POST 429: as many batches as may be have not ended', async () => {
  await using few = await openBatchRoutes(batches, { maxUnfinished: 2 });
  await create();
  await create();
  const { status, body } = await few.ask('POST /v1/batches', { body: usual() });
  assert.equal(status, 429);
  assert.equal(body.error.type, 'throttling_error');
});

test('a batch is its team’s: to everybody else there is none', async () => {
  const { id } = await create();
  assert.equal((await gateway.ask(`GET /v1/batches/${id}`, { key: 'sk-a-too' })).body.id, id);
  const none = `batch_${'0'.repeat(32)}`;
  for (const key of ['sk-b', 'sk-alone', 'sk-master']) {
    for (const ask of [(one: string) => `GET /v1/batches/${one}`, (one: string) => `POST /v1/batches/${one}/cancel`]) {
      const [theirs, missing] = await Promise.all([gateway.ask(ask(id), { key }), gateway.ask(ask(none), { key })]);
      assert.equal(theirs.status, 404);
      assert.equal(theirs.body.error.message, `No batch found with id '${id}'.`);
      assert.deepEqual(
        { ...theirs.body.error, message: '' },
        { ...missing.body.error, message: '' },
        'the same as for one that there is not',
      );
    }
    assert.deepEqual((await gateway.ask('GET /v1/batches', { key })).body.data, []);
    const { status, body } = await gateway.ask(`GET /v1/batches?after=${id}`, { key });
    assert.deepEqual([status, body.error.param], [400, 'after']);
  }
  assert.equal((await gateway.ask('GET /v1/batches/%00')).status, 404);
});

test('GET /v1/batches 200: pages, the latest first', async () => {
  const made: string[] = [];
  for (let n = 0; n < 22; n += 1) made.unshift((await create()).id);
  const inPages: string[] = [];
  for (let cursor = ''; ;) {
    const { body } = await gateway.ask(`GET /v1/batches?limit=9${cursor}`);
    const ids = body.data.map(({ id }: { id: string }) => id);
    inPages.push(...ids);
    assert.deepEqual([body.object, body.first_id, body.last_id], ['list', ids[0], ids.at(-1)]);
    if (!body.has_more) break;
    cursor = `&after=${body.last_id}`;
  }
  assert.deepEqual(new Set(inPages), new Set(made));
  assert.equal(inPages.length, 22);
  const { body } = await gateway.ask('GET /v1/batches');
  assert.deepEqual([body.data.length, body.has_more], [20, true]);
  for (const limit of ['0', '101', 'x']) {
    const refused = await gateway.ask(`GET /v1/batches?limit=${limit}`);
    assert.deepEqual([refused.status, refused.body.error.param], [400, 'limit']);
  }
});

test('POST cancel: 200 as long as it is not over, also twice; then 409', async () => {
  const { id } = await create();
  const first = await gateway.ask(`POST /v1/batches/${id}/cancel`);
  assert.deepEqual([first.status, first.body.status], [200, 'cancelling']);
  assert.ok(first.body.cancelling_at >= first.body.created_at);
  const again = await gateway.ask(`POST /v1/batches/${id}/cancel`);
  assert.deepEqual([again.status, again.body.cancelling_at], [200, first.body.cancelling_at]);
  for (const status of ['finalizing', 'completed', 'failed', 'expired', 'cancelled']) {
    await batches.sql.query('update ingress.batches set status = $2 where batch_id = $1', [id, status]);
    const refused = await gateway.ask(`POST /v1/batches/${id}/cancel`);
    assert.equal(refused.status, 409);
    assert.equal(refused.body.error.message, `Cannot cancel a batch with status '${status}'.`);
  }
});

/** Checks the first batch that waits for it, as a runner does. */
async function checkNext(): Promise<void> {
  const row = await waitUntil(
    async () => {
      const { rows } = await batches.sql.query(
        `update ingress.batches set lease_epoch = lease_epoch + 1 where status = 'validating' returning *`,
      );
      return rows[0];
    },
    { what: 'a batch that waits to be checked' },
  );
  assert.equal(await validate(batches, batchOf(row)), true);
}

test('a dry run is answered with what running it would use, and leaves nothing', async () => {
  const lines = [chatLine('a', { max_tokens: 10, n: 2 }), chatLine('b', { max_tokens: 5 })].join('\n');
  const input_file_id = await batches.upload(lines);
  // An earlier batch of the same owner and model: 40 lines in 10 seconds, 3 tokens each.
  const earlier = await create();
  await batches.sql.query(
    `update ingress.batches set model = 'grok', status = 'completed', completed_lines = 40, output_tokens = 120,
       in_progress_at = now() - interval '60 seconds', finalizing_at = now() - interval '50 seconds'`,
  );
  const [{ body }] = await Promise.all([
    gateway.ask('POST /v1/batches', { body: { ...usual(), input_file_id, sluice: { dry_run: true } } }),
    checkNext(),
  ]);
  // "Hi" is a token, and 4 are of each message; the most is 2 bytes, and 16 + 64 around them.
  const [input, inputMax, output, outputMax] = [2 * 5, 2 * 82, 2 * 3, 2 * 10 + 5];
  const usd = (tokensIn: number, tokensOut: number) => (tokensIn * 1_000 + tokensOut * 2_000) / 1e9;
  assert.deepEqual(body, {
    object: 'batch.dry_run',
    valid: true,
    endpoint: '/v1/chat/completions',
    model: 'grok',
    errors: null,
    input_file_id,
    completion_window: '24h',
    request_counts: { total: 2, completed: 0, failed: 0 },
    estimate: {
      input_tokens: input,
      output_tokens: output,
      output_tokens_max: outputMax,
      cost_usd: usd(input, output),
      cost_usd_max: usd(inputMax + 2 * 2, outputMax),
      duration_seconds: 1,
    },
  });
  const { rows } = await batches.sql.query('select batch_id from ingress.batches');
  assert.deepEqual(rows, [{ batch_id: earlier.id }]);
  assert.equal((await batches.sql.query('select from ingress.batch_lines')).rows.length, 0);
});

test('a dry run of a bad file says what is wrong with it', async () => {
  const input_file_id = await batches.upload(`${chatLine('a')}\n${chatLine('a')}`);
  const [{ status, body }] = await Promise.all([
    gateway.ask('POST /v1/batches', { body: { ...usual(), input_file_id, sluice: { dry_run: true } } }),
    checkNext(),
  ]);
  assert.deepEqual([status, body.valid, body.estimate], [200, false, null]);
  assert.deepEqual(body.errors.data, [
    { code: 'duplicate_custom_id', line: 2, message: "The custom_id 'a' is that of line 1 too.", param: 'custom_id' },
  ]);
  assert.equal((await batches.sql.query('select from ingress.batches')).rows.length, 0);
});

test('POST 403: who has no room for files begins no batch, which would write some', async () => {
  const { length } = chatLine('a');
  const store = createPostgresFileStore(batches.sql);
  const [full, fits] = [length, length + 1].map((maxBytes) => ({
    ...batches,
    files: filesIn(batches.sql, store, { quota: { maxBytes, maxFiles: 100 } }),
  }));
  await batches.sql.query('delete from ingress.files where file_id <> $1', [fileId]);
  assert.ok(full && fits);
  await using without = await openBatchRoutes(full);
  const { status, body } = await without.ask('POST /v1/batches', { body: usual() });
  assert.deepEqual([status, body.error.type], [403, 'file_quota_exceeded']);
  assert.equal((await batches.sql.query('select from ingress.batches')).rows.length, 0);
  await using room = await openBatchRoutes(fits);
  assert.equal((await room.ask('POST /v1/batches', { body: usual() })).status, 200);
});

test('POST 408: a dry run that no runner has time for', async () => {
  let now = Date.now();
  await using late = await openBatchRoutes(batches, { now: () => (now += 20_000) });
  const { status, body } = await late.ask('POST /v1/batches', { body: { ...usual(), sluice: { dry_run: true } } });
  assert.equal(status, 408);
  assert.match(body.error.message, /^The file could not be checked within 60 seconds/);
  assert.equal((await batches.sql.query('select from ingress.batches')).rows.length, 0);
});
