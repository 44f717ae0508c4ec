import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { batchEndpoints } from '../../src/batches/batch.ts';
import type { BatchEndpoint, BatchError, NewBatch } from '../../src/batches/batch.ts';
import type { Principal } from '../../src/tenancy/principal.ts';
import { virtualKey } from '../auth/virtual-keys.ts';
import { batchConfig, callerWith, chatLine, openBatches, validate } from './open-batches.ts';
import type { Batches } from './open-batches.ts';

let batches: Batches;
before(async () => void (batches = await openBatches()));
after(() => batches[Symbol.asyncDispose]());

const many = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n + 1)).join('\n');

/** `[line, code, param]` and the message of what is wrong. */
interface BadFile {
  why: string;
  file: string | Uint8Array;
  errors: [line: number | null, code: string, param: string | null, message: string][];
  endpoint?: BatchEndpoint;
  settings?: Record<string, unknown>;
  general?: Record<string, unknown>;
  holder?: Partial<Principal>;
  total?: number;
}

const notJson = 'The line is not valid JSON.';
const idText = "Invalid value for 'custom_id': expected a string of 1 to 512 characters.";
const idCharacters = "Invalid value for 'custom_id': U+0000 and half surrogate pairs are not allowed.";
const needsUser = { enforce_user_param: true };
const onlyLlama = virtualKey('sk-batch', { models: ['llama'] });

const badFiles: BadFile[] = [
  { why: 'nothing', file: '', errors: [[null, 'empty_file', null, 'The file has no lines.']], total: 0 },
  { why: 'blank lines', file: '\n \r\n\t\n', errors: [[null, 'empty_file', null, 'The file has no lines.']], total: 0 },
  { why: 'no JSON', file: '\n{"custom_id": \n', errors: [[2, 'invalid_json_line', null, notJson]] },
  { why: 'no object', file: '[1]', errors: [[1, 'invalid_json_line', null, 'The line is not a JSON object.']] },
  {
    why: 'bytes that are no text',
    file: Buffer.concat([Buffer.from('{"custom_id":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    errors: [[1, 'invalid_json_line', null, 'The line is not valid UTF-8.']],
  },
  {
    why: 'a depth that nobody means',
    file: chatLine('a', { deep: JSON.parse('['.repeat(120) + ']'.repeat(120)) }),
    errors: [[1, 'invalid_json_line', null, 'The line is nested more than 100 levels deep.']],
  },
  {
    why: 'a line as long as no request may be',
    file: `${chatLine('a')}\n${chatLine('b', { user: 'x'.repeat(2_000) })}`,
    errors: [[2, 'line_too_long', null, 'The line has 2156 bytes; at most 1049 are allowed.']],
  },
  {
    why: 'no custom_id',
    file: chatLine(undefined),
    errors: [[1, 'missing_required_parameter', 'custom_id', "Missing required parameter: 'custom_id'."]],
  },
  { why: 'an empty custom_id', file: chatLine(''), errors: [[1, 'invalid_request', 'custom_id', idText]] },
  { why: 'a number for custom_id', file: chatLine(1), errors: [[1, 'invalid_request', 'custom_id', idText]] },
  {
    why: 'a custom_id too long',
    file: chatLine('x'.repeat(513)),
    errors: [[1, 'invalid_request', 'custom_id', idText]],
  },
  { why: 'a NUL in custom_id', file: chatLine('a\0'), errors: [[1, 'invalid_request', 'custom_id', idCharacters]] },
  {
    why: 'half a pair in custom_id',
    file: chatLine('a\ud800'),
    errors: [[1, 'invalid_request', 'custom_id', idCharacters]],
  },
  {
    why: 'a custom_id twice, also after a line that is bad itself',
    file: [chatLine('a'), chatLine('b', { model: 'nobody' }), chatLine('a'), chatLine('b')].join('\n'),
    errors: [
      [
        2,
        'model_not_found',
        'body.model',
        '/chat/completions: Invalid model name passed in model=nobody. Call `/v1/models` to view available models for your key.',
      ],
      [3, 'duplicate_custom_id', 'custom_id', "The custom_id 'a' is that of line 1 too."],
      [4, 'duplicate_custom_id', 'custom_id', "The custom_id 'b' is that of line 2 too."],
    ],
  },
  {
    why: 'no method',
    file: chatLine('a', {}, { method: undefined }),
    errors: [[1, 'missing_required_parameter', 'method', "Missing required parameter: 'method'."]],
  },
  {
    why: 'another method',
    file: chatLine('a', {}, { method: 'GET' }),
    errors: [[1, 'invalid_method', 'method', "Invalid value for 'method': expected 'POST', got 'GET'."]],
  },
  {
    why: 'no url',
    file: chatLine('a', {}, { url: null }),
    errors: [[1, 'missing_required_parameter', 'url', "Missing required parameter: 'url'."]],
  },
  {
    why: "another url than the batch's",
    file: chatLine('a', {}, { url: '/chat/completions' }),
    errors: [
      [1, 'invalid_url', 'url', "Invalid value for 'url': expected '/v1/chat/completions', got '/chat/completions'."],
    ],
  },
  {
    why: 'no body',
    file: chatLine('a', {}, { body: undefined }),
    errors: [[1, 'missing_required_parameter', 'body', "Missing required parameter: 'body'."]],
  },
  {
    why: 'a body that is no object',
    file: chatLine('a', {}, { body: 'hi' }),
    errors: [[1, 'invalid_request', 'body', "Invalid value for 'body': expected a JSON object."]],
  },
  {
    why: 'a stream',
    file: chatLine('a', { stream: true }),
    errors: [[1, 'invalid_request', 'body.stream', "Invalid value for 'stream': a batch has no streams."]],
  },
  {
    why: 'no messages',
    file: chatLine('a', { messages: undefined }),
    errors: [[1, 'invalid_request', 'body.messages', "/chat/completions: Missing required parameter: 'messages'."]],
  },
  {
    why: 'a message of a wrong kind',
    file: chatLine('a', { messages: [{ role: 'nobody', content: 'Hi' }] }),
    errors: [
      [
        1,
        'invalid_request',
        'body.messages.0.role',
        "Invalid value for 'messages.0.role': Invalid discriminator value. Expected 'system' | 'developer' | 'user' | 'assistant' | 'tool'.",
      ],
    ],
  },
  {
    why: 'controls that make no sense',
    file: chatLine('a', { num_retries: -1 }),
    errors: [
      [
        1,
        'invalid_request',
        'body.num_retries',
        "Invalid value for 'num_retries': Too small: expected number to be >=0.",
      ],
    ],
  },
  {
    why: 'where to call it',
    file: chatLine('a', { api_base: 'https://example.com' }),
    errors: [
      [
        1,
        'invalid_request',
        'body.api_base',
        "/chat/completions: 'api_base' is not allowed in a request: deployments have it in the configuration.",
      ],
    ],
  },
  {
    why: 'no model',
    file: chatLine('a', { model: undefined }),
    errors: [[1, 'invalid_request', 'body.model', "/chat/completions: Missing required parameter: 'model'."]],
  },
  {
    why: 'a model that does something else',
    file: chatLine('a', { model: 'embedder' }),
    errors: [
      [
        1,
        'invalid_request',
        'body.model',
        '/chat/completions: the model embedder does embedding, not chat: ask it at /v1/embeddings.',
      ],
    ],
  },
  {
    why: 'a model that the key may not use',
    file: chatLine('a'),
    holder: { key: onlyLlama },
    errors: [
      [
        1,
        'model_not_allowed',
        'body.model',
        "key not allowed to access model. This key can only access models=['llama']. Tried to access grok",
      ],
    ],
  },
  {
    why: 'not what the key has to send',
    file: chatLine('a'),
    holder: { key: virtualKey('sk-batch', { enforcedParams: ['user'] }) },
    errors: [
      [
        1,
        'invalid_request',
        'body.user',
        "/chat/completions: Missing required parameter: 'user'. This key has to send it.",
      ],
    ],
  },
  {
    why: 'nobody whom it is for, where everything has to say it',
    file: [chatLine('a'), chatLine('b', { user: '' }), chatLine('c', { user: 'zoe' })].join('\n'),
    general: needsUser,
    holder: {},
    errors: [1, 2].map((line) => [
      line,
      'invalid_request',
      'body.user',
      "/chat/completions: Missing required parameter: 'user'. Every request here has to say whom it is for.",
    ]),
  },
  {
    why: 'an end user of endless name',
    file: chatLine('a', { user: 'u'.repeat(256) }),
    errors: [[1, 'invalid_request', 'body.user', "Invalid value for 'user': expected 255 characters at most."]],
  },
  {
    why: 'two models where there may be one',
    file: [chatLine('a'), chatLine('b', { model: 'llama' }), chatLine('c')].join('\n'),
    settings: { mixed_models: false },
    errors: [[2, 'mismatched_model', 'body.model', "All lines must name the same model: 'llama' is not 'grok'."]],
  },
  {
    why: 'more lines than allowed, and a bad one before that',
    file: [chatLine('a'), '{', chatLine('c'), chatLine('d'), '{'].join('\n'),
    settings: { max_lines: 3 },
    errors: [
      [null, 'too_many_lines', null, 'The file has more than 3 lines.'],
      [2, 'invalid_json_line', null, notJson],
    ],
    total: 3,
  },
  {
    why: 'an input that cannot be embedded',
    file: JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/embeddings', body: { model: 'embedder' } }),
    endpoint: '/v1/embeddings',
    errors: [[1, 'invalid_request', 'body.input', "/embeddings: Missing required parameter: 'input'."]],
  },
];

for (const { why, file, errors, endpoint, settings, general, holder, total } of badFiles) {
  test(`a bad file: ${why}`, async () => {
    const batch = await batches.claimed(await batches.upload(file), { ...(endpoint && { endpoint }) });
    const authenticated = await callerWith(holder ?? null);
    const now = () => 1_000;
    const config = await batchConfig(settings, general);
    assert.equal(await validate(batches, batch, { config, authenticatedOf: async () => authenticated, now }), true);

    const text = file.toString();
    const { status, failedAt, totalLines, failedLines, errors: told, inProgressAt } = await batches.read(batch.batchId);
    assert.deepEqual(
      told.map((error): BadFile['errors'][number] => [error.line, error.code, error.param, error.message]),
      errors,
    );
    assert.deepEqual({ status, failedAt, inProgressAt }, { status: 'failed', failedAt: 1_000, inProgressAt: null });
    assert.equal(failedLines, errors.filter(([line]) => line !== null).length);
    assert.equal(totalLines, total ?? text.split('\n').filter((line) => line.trim() !== '').length);
    assert.deepEqual(await batches.lines(batch.batchId), []);
  });
}

test('all bad lines are counted, and the first hundred named; of good ones before them nothing stays', async () => {
  const file = `${many(2_500, (n) => chatLine(`good-${n}`))}\n${many(130, (n) => chatLine(`bad-${n}`, {}, { url: '/' }))}`;
  const batch = await batches.claimed(await batches.upload(file));
  assert.equal(await validate(batches, batch), true);
  const { status, totalLines, failedLines, errors } = await batches.read(batch.batchId);
  assert.deepEqual({ status, totalLines, failedLines }, { status: 'failed', totalLines: 2_630, failedLines: 130 });
  assert.deepEqual(
    errors.map(({ line }) => line),
    Array.from({ length: 100 }, (_, n) => 2_501 + n),
  );
  assert.deepEqual(await batches.lines(batch.batchId), []);
});

test('what a client has sent is told in part, and in characters that can be stored', async () => {
  const method = `\0\ud800${'m'.repeat(600)}`;
  const batch = await batches.claimed(await batches.upload(chatLine('a', {}, { method })));
  assert.equal(await validate(batches, batch), true);
  const [error] = (await batches.read(batch.batchId)).errors;
  assert.ok(error);
  assert.equal(error.message.length, 501);
  assert.match(error.message, /got '\ufffd\ufffdmmm.*m…$/);
});

const bodies: Record<BatchEndpoint, { model: string; body: Record<string, unknown> }> = {
  '/v1/chat/completions': { model: 'grok', body: { model: 'grok', messages: [{ role: 'user', content: 'Hi' }] } },
  '/v1/completions': { model: 'grok', body: { model: 'grok', prompt: 'Hi' } },
  '/v1/embeddings': { model: 'embedder', body: { model: 'embedder', input: 'Hi' } },
  '/v1/rerank': { model: 'reranker', body: { model: 'reranker', query: 'Hi', documents: ['a', 'b'] } },
  '/v1/moderations': { model: 'guard', body: { input: 'Hi' } },
};

for (const endpoint of batchEndpoints) {
  const { model, body } = bodies[endpoint];
  test(`a good file for ${endpoint}: its lines are stored, and the batch begins`, async () => {
    const lines = many(3, (n) => JSON.stringify({ custom_id: `n${n}`, method: 'POST', url: endpoint, body }));
    const batch = await batches.claimed(await batches.upload(`\n${lines}\n`), { endpoint });
    assert.equal(await validate(batches, batch, { now: () => 5_000 }), true);
    assert.deepEqual(await batches.read(batch.batchId), {
      ...batch,
      model,
      status: 'in_progress',
      inProgressAt: 5_000,
      totalLines: 3,
    });
    assert.deepEqual(await batches.lines(batch.batchId), [
      [2, 'n1'],
      [3, 'n2'],
      [4, 'n3'],
    ]);
  });
}

test('a line’s place cuts out of the file what the line was', async () => {
  const lines = Array.from({ length: 30 }, (_, n) => chatLine(`é${n}`, { user: '漢'.repeat(n) }));
  const fileId = await batches.upload(lines.join('\r\n'));
  const batch = await batches.claimed(fileId);
  assert.equal(await validate(batches, batch), true);
  const { rows } = await batches.sql.query(
    'select byte_offset, byte_length from ingress.batch_lines where batch_id = $1 order by line',
    [batch.batchId],
  );
  const bytes = Buffer.from(lines.join('\r\n'));
  const cut = rows.map((row) => {
    assert.ok(typeof row === 'object' && row !== null && 'byte_offset' in row && 'byte_length' in row);
    const from = Number(row.byte_offset);
    return bytes.toString('utf8', from, from + Number(row.byte_length));
  });
  assert.deepEqual(cut, lines);
});

for (const [who, holder, lines] of [
  [
    'a key whose lines say whom they are for',
    {},
    [{ user: 'z' }, { metadata: { user_id: 'z' } }, { safety_identifier: 'z' }],
  ],
  ['the operator', null, [{}]],
] as const) {
  test(`enforce_user_param lets the batch of ${who} begin`, async () => {
    const file = lines.map((body, n) => chatLine(`n${n}`, body)).join('\n');
    const batch = await batches.claimed(await batches.upload(file));
    const [config, authenticated] = [await batchConfig({}, needsUser), await callerWith(holder)];
    assert.equal(await validate(batches, batch, { config, authenticatedOf: async () => authenticated }), true);
    assert.deepEqual((await batches.read(batch.batchId)).errors, []);
    assert.equal((await batches.read(batch.batchId)).status, 'in_progress');
  });
}

test('a key may name models in its own way; several models make a batch without one', async () => {
  const holder = { key: virtualKey('sk-batch', { aliases: { fast: 'llama' }, models: ['llama'] }) };
  const authenticated = await callerWith(holder);
  const own = await batches.claimed(await batches.upload(chatLine('a', { model: 'fast' })));
  assert.equal(await validate(batches, own, { authenticatedOf: async () => authenticated }), true);
  assert.equal((await batches.read(own.batchId)).model, 'fast');

  const mixed = await batches.claimed(
    await batches.upload([chatLine('a'), chatLine('b', { model: 'llama' })].join('\n')),
  );
  assert.equal(await validate(batches, mixed), true);
  const { status, model } = await batches.read(mixed.batchId);
  assert.deepEqual({ status, model }, { status: 'in_progress', model: null });
});

test('a file that was deleted meanwhile fails the batch; a key that is gone leaves it as it is', async () => {
  const fileId = await batches.upload(chatLine('a'));
  const batch = await batches.claimed(fileId);
  const gone = new GatewayError('key_unknown', 'No such key.');
  const refused = validate(batches, batch, { authenticatedOf: async () => Promise.reject(gone) });
  await assert.rejects(refused, gone);
  assert.deepEqual(await batches.read(batch.batchId), batch);

  assert.equal(await batches.files.delete(batch.owner, fileId), true);
  assert.equal(await validate(batches, batch), true);
  const { status, errors } = await batches.read(batch.batchId);
  assert.equal(status, 'failed');
  assert.deepEqual(errors, [
    {
      code: 'input_file_not_found',
      line: null,
      message: 'The input file is gone: it was deleted, or has expired.',
      param: null,
    } satisfies BatchError,
  ]);
});

const file3000 = many(3_000, (n) => chatLine(`n${n}`));

/** Stops the check, by `stop`, once the first thousand lines are stored. */
async function interrupted(changes: Partial<NewBatch>, stop: (batchId: string) => Promise<void> | void) {
  const batch = await batches.claimed(await batches.upload(file3000), changes);
  const sql: SqlPool = {
    transaction: (work) => batches.sql.transaction(work),
    query: async (text: string, values?: readonly unknown[]) => {
      const result = await batches.sql.query(text, values);
      if (text.includes('insert into ingress.batch_lines')) await stop(batch.batchId);
      return result;
    },
  };
  return { batch, sql };
}

test('an abort stops it at once; begun anew it stores each line once', async () => {
  const abort = new AbortController();
  const { batch, sql } = await interrupted({}, () => abort.abort(new Error('the lease is lost')));
  await assert.rejects(validate(batches, batch, { sql, signal: abort.signal }), /the lease is lost/);
  assert.deepEqual(await batches.read(batch.batchId), batch);
  assert.equal((await batches.lines(batch.batchId)).length, 1_000);

  assert.equal(await validate(batches, batch), true);
  assert.deepEqual(
    await batches.lines(batch.batchId),
    Array.from({ length: 3_000 }, (_, n) => [n + 1, `n${n + 1}`]),
  );
  assert.equal((await batches.read(batch.batchId)).totalLines, 3_000);
});

test('who is overtaken adds nothing more, and ends nothing', async () => {
  const { batch, sql } = await interrupted({}, async (batchId) => {
    await batches.sql.query('update ingress.batches set lease_epoch = lease_epoch + 1 where batch_id = $1', [batchId]);
  });
  assert.equal(await validate(batches, batch, { sql }), false);
  const taken = await batches.read(batch.batchId);
  assert.equal(taken.status, 'validating');
  assert.equal((await batches.lines(batch.batchId)).length, 1_000);
  assert.equal(await validate(batches, taken), true);
  assert.equal((await batches.lines(batch.batchId)).length, 3_000);
  assert.equal(await validate(batches, batch), false, 'the one before it changes nothing any more');
  assert.equal((await batches.lines(batch.batchId)).length, 3_000);
});

test('cancelled meanwhile: it is not begun', async () => {
  const { batch, sql } = await interrupted({}, async (batchId) => {
    await batches.sql.query(`update ingress.batches set status = 'cancelling' where batch_id = $1`, [batchId]);
  });
  assert.equal(await validate(batches, batch, { sql }), false);
  assert.equal((await batches.read(batch.batchId)).status, 'cancelling');
});
