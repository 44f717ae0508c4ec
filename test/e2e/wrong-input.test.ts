import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../servers/wait-until.ts';
import { ask, chat, chatBody, errorOf, infoOf, post, type Reply } from './ask.ts';
import { gateways, masterKey } from './gateway.ts';
import type { TestGateway } from './gateway.ts';

interface Keys {
  readonly good: string;
  readonly expired: string;
  readonly blocked: string;
  readonly deleted: string;
  readonly onlyGrok: string;
}

interface Wrong {
  readonly why: string;
  readonly send: (gateway: TestGateway, keys: Keys) => Promise<Reply>;
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly message: RegExp;
}

const chatPath = '/v1/chat/completions';
const unauthorized = { status: 401, type: 'auth_error', param: null } as const;
const invalid = { status: 400, type: 'invalid_request_error' } as const;
const sk = 'sk-0123456789abcdefghijkl';

const withHeaders =
  (headers: Record<string, string>) =>
  async ({ url }: TestGateway) =>
    fetchReply(`${url}${chatPath}`, { method: 'POST', headers, body: JSON.stringify(chatBody()) });

const withKey =
  (name: keyof Keys, fields: Record<string, unknown> = {}) =>
  (gateway: TestGateway, keys: Keys) =>
    chat(gateway, keys[name], fields);

const withFields = (fields: Record<string, unknown>) => withKey('good', fields);

const withBody =
  (body: string | Uint8Array<ArrayBuffer> | null, headers: Record<string, string> = {}, path = chatPath) =>
  (gateway: TestGateway, { good }: Keys) =>
    ask(gateway, path, {
      method: 'POST',
      key: good,
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });

const callers: readonly Wrong[] = [
  { why: 'no key', send: withHeaders({}), ...unauthorized, message: /No api key passed in/ },
  {
    why: 'an empty Bearer',
    send: withHeaders({ authorization: 'Bearer ' }),
    ...unauthorized,
    message: /Malformed API Key.*Ensure Key has `Bearer ` prefix/,
  },
  {
    why: 'another scheme',
    send: withHeaders({ authorization: `Basic ${sk}` }),
    ...unauthorized,
    message: /Malformed API Key/,
  },
  { why: 'no scheme', send: withHeaders({ authorization: sk }), ...unauthorized, message: /Malformed API Key/ },
  {
    why: 'a key that is not sk-',
    send: withHeaders({ authorization: 'Bearer abcd-no-key-of-ours-wxyz' }),
    ...unauthorized,
    message: /Virtual Key expected\. Received=abcd\*+wxyz, expected to start with 'sk-'/,
  },
  {
    why: 'an unknown key',
    send: withHeaders({ authorization: `Bearer ${sk}` }),
    ...unauthorized,
    type: 'token_not_found_in_db',
    param: 'key',
    message:
      /Invalid proxy server token passed\. Received API Key = sk-\.\.\.ijkl, Key Hash \(Token\) =[0-9a-f]{8}\.\.\./,
  },
  {
    why: 'a deleted key',
    send: withKey('deleted'),
    ...unauthorized,
    type: 'token_not_found_in_db',
    param: 'key',
    message: /Unable to find token in cache/,
  },
  { why: 'a blocked key', send: withKey('blocked'), ...unauthorized, message: /Key is blocked.*\/key\/unblock/ },
  {
    why: 'a model that the key may not use',
    send: withKey('onlyGrok'),
    status: 403,
    type: 'key_model_access_denied',
    param: 'model',
    message: /key not allowed to access model\. This key can only access models=\['grok'\]\. Tried to access llama/,
  },
  {
    why: 'a key that is wrong, before a body that is wrong',
    send: ({ url }) =>
      fetchReply(`${url}${chatPath}`, { method: 'POST', headers: { authorization: `Bearer ${sk}` }, body: '{' }),
    ...unauthorized,
    type: 'token_not_found_in_db',
    param: 'key',
    message: /Invalid proxy server token/,
  },
  {
    why: 'a route for the operator',
    send: (gateway, { good }) => post(gateway, '/key/generate', {}, { key: good }),
    status: 403,
    type: 'permission_error',
    param: null,
    message: /key\/generate/,
  },
  {
    why: "another key's info",
    send: (gateway, { good, blocked }) => ask(gateway, `/key/info?key=${blocked}`, { key: good }),
    status: 403,
    type: 'permission_error',
    param: null,
    message: /not allowed to access this key's info/,
  },
];

const user = { role: 'user', content: 'Hello.' };

const fields: readonly Wrong[] = [
  field('an unknown model', { model: 'gpt-9' }, 'model', /Invalid model name passed in model=gpt-9.*`\/v1\/models`/),
  field('a model named like a member of Object', { model: '__proto__' }, 'model', /Invalid model name/),
  field('a model with U+0000', { model: 'llama\0' }, 'model', /Invalid model name/),
  field('a model for embeddings', { model: 'embed' }, 'model', /embed does embedding, not chat/),
  field('no model', { model: undefined }, 'model', /\/chat\/completions: Missing required parameter: 'model'/),
  field('an empty model', { model: '' }, 'model', /model/),
  field('a model that is a number', { model: 7 }, 'model', /Invalid value for 'model'/),
  field('no messages', { messages: undefined }, 'messages', /Missing required parameter: 'messages'/),
  field('messages that are null', { messages: null }, 'messages', /'messages'/),
  field('messages that are empty', { messages: [] }, 'messages', /'messages'/),
  field('messages that are a text', { messages: 'Hello.' }, 'messages', /'messages'/),
  field('a message that is a text', { messages: ['Hello.'] }, 'messages.0', /'messages\.0'/),
  field('a message without role', { messages: [{ content: 'x' }] }, 'messages.0.role', /'messages\.0\.role'/),
  field('an unknown role', { messages: [{ role: 'king', content: 'x' }] }, 'messages.0.role', /'messages\.0\.role'/),
  field('content that is a number', { messages: [user, { ...user, content: 5 }] }, 'messages.1.content', /content/),
  field('no content', { messages: [{ role: 'user' }] }, 'messages.0.content', /Missing required parameter/),
  field(
    'a part of unknown type',
    { messages: [{ ...user, content: [{ type: 'smell', smell: 'rose' }] }] },
    'messages.0.content.0.type',
    /messages\.0\.content\.0/,
  ),
  field(
    'a tool message without the id of its call',
    { messages: [user, { role: 'tool', content: '21' }] },
    'messages.1.tool_call_id',
    /Missing required parameter: 'messages\.1\.tool_call_id'/,
  ),
  field('max_tokens 0', { max_tokens: 0 }, 'max_tokens', /'max_tokens'/),
  field('max_tokens below 0', { max_tokens: -5 }, 'max_tokens', /'max_tokens'/),
  field('max_tokens as text', { max_tokens: 'NaN' }, 'max_tokens', /'max_tokens'/),
  field('max_tokens with a fraction', { max_tokens: 1.5 }, 'max_tokens', /'max_tokens'/),
  field('max_tokens beyond all numbers', { max_tokens: 1e300 }, 'max_tokens', /'max_tokens'/),
  field('n 0', { n: 0 }, 'n', /'n'/),
  field('temperature as text', { temperature: '0.2' }, 'temperature', /'temperature'/),
  field('temperature above 2', { temperature: 3 }, 'temperature', /'temperature'/),
  field('stream as text', { stream: 'yes' }, 'stream', /'stream'/),
  field('stop as number', { stop: 3 }, 'stop', /'stop'/),
  field('tools as object', { tools: {} }, 'tools', /'tools'/),
  field('a tool without a name', { tools: [{ type: 'function', function: {} }] }, 'tools.0.function.name', /name/),
  field('tool_choice of no kind', { tool_choice: 'perhaps' }, 'tool_choice', /'tool_choice'/),
  field('response_format of no kind', { response_format: { type: 'poem' } }, 'response_format.type', /response_format/),
  field('metadata as list', { metadata: [] }, 'metadata', /'metadata'/),
  field('timeout below 0', { timeout: -1 }, 'timeout', /'timeout'/),
  field('num_retries as text', { num_retries: 'many' }, 'num_retries', /'num_retries'/),
  field('fallbacks as text', { fallbacks: 'grok' }, 'fallbacks', /'fallbacks'/),
  field(
    'parameters to drop that no request can do without',
    { additional_drop_params: ['model'] },
    'additional_drop_params.0',
    /do without/,
  ),
  field('a parameter that the model lacks', { logit_bias: { 1: 1 }, model: 'command-a' }, 'logit_bias', /'logit_bias'/),
  embeddingField('no input', { input: undefined }, 'input', /\/embeddings: Missing required parameter: 'input'/),
  embeddingField('an empty list of inputs', { input: [] }, 'input', /'input'/),
  embeddingField('an input that is a number', { input: ['a', 7] }, 'input.1', /'input\.1'/),
  embeddingField('a model for chat', { model: 'llama' }, 'model', /llama does chat, not embedding/),
  embeddingField('an unknown encoding', { encoding_format: 'hex' }, 'encoding_format', /'encoding_format'/),
];

function field(why: string, wrong: Record<string, unknown>, param: string, message: RegExp): Wrong {
  return { why: `chat: ${why}`, send: withFields(wrong), ...invalid, param, message };
}

function embeddingField(why: string, wrong: Record<string, unknown>, param: string, message: RegExp): Wrong {
  const send = (gateway: TestGateway, { good }: Keys) =>
    post(gateway, '/v1/embeddings', { model: 'embed', input: 'x', ...wrong }, { key: good });
  return { why: `embeddings: ${why}`, send, ...invalid, param, message };
}

const limitBytes = 2 * 1024 * 1024;
const notJson = { ...invalid, param: 'request_body', message: /not valid JSON/ } as const;
const objectExpected = { ...invalid, param: 'request_body', message: /must be a JSON object/ } as const;
const nestedTooDeep = { ...invalid, param: 'request_body', message: /nested more than 100 levels/ } as const;
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const chatText = (rest: string) => `{"model":"llama","messages":[{"role":"user","content":"x"}],${rest}}`;

const bodies: readonly Wrong[] = [
  { why: 'no body', send: withBody(null), ...invalid, param: 'request_body', message: /no body/ },
  { why: 'an empty body', send: withBody(''), ...invalid, param: 'request_body', message: /no body/ },
  { why: 'half of JSON', send: withBody('{"model":"llama","messa'), ...notJson },
  { why: 'JSON with a NUL in it', send: withBody('{"model":"lla\0ma"}'), ...notJson },
  { why: 'NaN, which is not JSON', send: withBody(chatText('"max_tokens":NaN')), ...notJson },
  { why: 'a form', send: withBody('model=llama', { 'content-type': 'application/x-www-form-urlencoded' }), ...notJson },
  { why: 'a JSON list', send: withBody('[1,2]'), ...objectExpected },
  { why: 'JSON null', send: withBody('null'), ...objectExpected },
  { why: 'a JSON text', send: withBody('"hello"'), ...objectExpected },
  { why: '10,000 levels of nesting at the top', send: withBody(nested(10_000)), ...nestedTooDeep },
  { why: 'a million levels of nesting', send: withBody(nested(1_000_000)), ...nestedTooDeep },
  { why: 'a million levels without an end', send: withBody('{"a":'.repeat(350_000)), ...notJson },
  {
    why: '10,000 levels of nesting in metadata',
    send: withBody(chatText(`"metadata":{"a":${nested(10_000)}}`)),
    ...nestedTooDeep,
  },
  {
    why: '10,000 levels of nesting in the parameters of a tool',
    send: withBody(
      chatText(`"tools":[{"type":"function","function":{"name":"f","parameters":{"a":${nested(10_000)}}}}]`),
    ),
    ...nestedTooDeep,
  },
  {
    why: '10,000 levels of nesting in an unknown field',
    send: withBody(chatText(`"unknown":${nested(10_000)}`)),
    ...nestedTooDeep,
  },
  {
    why: 'bytes that are not UTF-8',
    send: withBody(Uint8Array.from([...Buffer.from('{"model":"ll'), 0xff, 0xfe, ...Buffer.from('ma"}')])),
    ...invalid,
    param: 'request_body',
    message: /not valid UTF-8/,
  },
  {
    why: 'a body that is too large',
    send: withBody(JSON.stringify(chatBody({ messages: [{ role: 'user', content: 'x'.repeat(limitBytes) }] }))),
    status: 413,
    type: 'bad_request_error',
    param: null,
    message: /larger than 2 MB/,
  },
  {
    why: 'a body that does not inflate',
    send: withBody('this is no gzip', { 'content-encoding': 'gzip' }),
    ...invalid,
    param: null,
    message: /could not be read/,
  },
  {
    why: 'a compression that nobody knows',
    send: withBody('{}', { 'content-encoding': 'zebra' }),
    ...invalid,
    param: null,
    message: /could not be read.*zebra/,
  },
  {
    why: 'a management body that is not JSON',
    send: (gateway) => ask(gateway, '/key/generate', { method: 'POST', body: '{' }),
    ...notJson,
  },
  {
    why: 'a management body that is too large',
    send: (gateway) => post(gateway, '/key/generate', { metadata: { a: 'x'.repeat(1024 * 1024) } }),
    status: 413,
    type: 'bad_request_error',
    param: null,
    message: /larger than 1 MB/,
  },
];

const notFound = { status: 404, type: 'not_found_error', param: null } as const;

const routes: readonly Wrong[] = [
  { why: 'an unknown route', send: (g) => ask(g, '/v1/chat'), ...notFound, message: /no route GET \/v1\/chat/ },
  { why: '/', send: (g) => ask(g, '/'), ...notFound, message: /no route/ },
  { why: 'an unknown route that does not decode', send: (g) => ask(g, '/%ff'), ...notFound, message: /no route/ },
  {
    why: 'a model whose name does not decode',
    send: (g) => ask(g, '/v1/models/%ff'),
    ...invalid,
    param: null,
    message: /could not be read/,
  },
  {
    why: 'an unknown model in the list',
    send: (g) => ask(g, '/v1/models/gpt-9'),
    ...notFound,
    param: 'model',
    message: /gpt-9/,
  },
  {
    why: 'a wrong method',
    send: (g) => ask(g, chatPath),
    status: 405,
    type: 'invalid_request_error',
    param: null,
    message: /GET is not allowed on \/v1\/chat\/completions/,
  },
  {
    why: 'a header that is too large',
    send: (g) => ask(g, chatPath, { method: 'POST', headers: { 'x-large': 'x'.repeat(64 * 1024) } }),
    status: 431,
    type: 'invalid_request_error',
    param: null,
    message: /header/i,
  },
  {
    why: 'what is not HTTP',
    send: ({ url }) => rawReply(url, 'GIBBERISH\r\n\r\n'),
    status: 400,
    type: 'invalid_request_error',
    param: null,
    message: /HTTP/,
  },
];

const Rows = z.array(z.looseObject({ spend: z.number(), status: z.string() }));

/** Deployments that drop what the model lacks, or a part of it. */
const commandA = 'oci/cohere.command-a-03-2025';
const models = {
  drops: { model: commandA, drop_params: true },
  'drops-one': { model: commandA, additional_drop_params: ['logit_bias'] },
};

for (const { mode, open } of gateways) {
  describe(`${mode}: wrong input gets one kind of error, and changes nothing`, () => {
    let gateway: TestGateway;
    let keys: Keys;
    before(async () => {
      gateway = await open({ models, config: { sluice_settings: { max_request_mb: limitBytes / 1024 ** 2 } } });
      const [good, expired, blocked, deleted, onlyGrok] = await Promise.all([
        gateway.newKey({ max_budget: 1 }),
        gateway.newKey({ duration: '1s' }),
        gateway.newKey({ blocked: true }),
        gateway.newKey(),
        gateway.newKey({ models: ['grok'] }),
      ]);
      keys = { good, expired, blocked, deleted, onlyGrok };
      await post(gateway, '/key/delete', { keys: [deleted] });
    });
    after(() => gateway[Symbol.asyncDispose]());

    for (const { why, send, status, type, param, message } of [...callers, ...fields, ...bodies, ...routes]) {
      test(`${status} for ${why}`, async () => {
        const reply = await send(gateway, keys);
        const error = errorOf(reply);
        assert.match(error.message, message);
        assert.deepEqual(
          { status: reply.status, ...error },
          { status, type, param, code: String(status), message: error.message },
        );
        assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
        assert.deepEqual(gateway.simulator.billed(), []);
      });
    }

    test('401 for an expired key, with the last of it', async () => {
      const reply = await waitUntil(
        async () => {
          const got = await chat(gateway, keys.expired, { model: 'gpt-9' });
          return got.status === 401 && got;
        },
        { what: 'the key expires' },
      );
      const { type, param, message } = errorOf(reply);
      assert.deepEqual({ type, param }, { type: 'expired_key', param: keys.expired.slice(-4) });
      assert.match(message, /Expired Key\. Key Expiry time \S+ and current time \S+/);
    });

    for (const [path, init, status, location] of [
      ['/key/generate', { max_budget: 'much' }, 422, ['body', 'max_budget']],
      ['/key/generate', { models: 'llama' }, 422, ['body', 'models']],
      ['/key/block', {}, 422, ['body', 'key']],
    ] as const) {
      test(`${status} with detail for ${path} ${JSON.stringify(init)}`, async () => {
        const reply = await post(gateway, path, init);
        assert.equal(reply.status, status);
        const { detail } = Detail.parse(JSON.parse(reply.text));
        assert.deepEqual(detail[0]?.loc, location);
      });
    }

    for (const [what, content] of [
      ['U+0000', 'zero \0 byte'],
      ['half a surrogate pair', 'half \ud83d of a pair'],
    ] as const) {
      // Texts that databases and encoders stumble over are the provider's to judge: the gateway only passes them on.
      test(`200 for content with ${what}, small and too large for the queue`, async () => {
        for (const length of [0, 100_000]) {
          const messages = [{ role: 'user', content: content + 'x'.repeat(length) }];
          const reply = await chat(gateway, masterKey, {
            messages,
            user: content,
            metadata: { content, [content]: 1 },
          });
          assert.equal(reply.status, 200, reply.text);
        }
        gateway.simulator.clearBilled();
      });
    }

    test('200 for members named like those of Object, which are data like any other', async () => {
      const names = '{"__proto__":{"model":"x"},"constructor":1,"toString":2}';
      const body = chatText(`"__proto__":{"model":"x"},"metadata":${names}`);
      const reply = await ask(gateway, chatPath, { method: 'POST', body });
      assert.equal(reply.status, 200, reply.text);
      gateway.simulator.clearBilled();
    });

    test('200 for metadata in a header that nobody could walk: bookkeeping fails no request', async () => {
      const headers = { 'x-litellm-spend-logs-metadata': `{"a":${nested(5_000)}}` };
      const reply = await chat(gateway, masterKey, {}, { headers });
      assert.equal(reply.status, 200, reply.text);
      gateway.simulator.clearBilled();
    });

    test('200 for a megabyte of content', async () => {
      const messages = [{ role: 'user', content: 'abcd '.repeat(limitBytes / 10) }];
      const reply = await chat(gateway, masterKey, { model: 'command-a', messages });
      assert.equal(reply.status, 200, reply.text.slice(0, 400));
      assert.equal(gateway.simulator.billed().length, 1);
      gateway.simulator.clearBilled();
    });

    test('200 for a parameter that the model lacks, with drop_params', async () => {
      const reply = await chat(gateway, masterKey, { model: 'command-a', logit_bias: { 1: 1 }, drop_params: true });
      assert.equal(reply.status, 200, reply.text);
      gateway.simulator.clearBilled();
    });

    for (const { why, asked, status, param } of [
      { why: 'dropped by the deployment', asked: { model: 'drops' }, status: 200 },
      { why: 'kept by the request', asked: { model: 'drops', drop_params: false }, status: 400, param: 'logit_bias' },
      { why: 'dropped by name by the deployment', asked: { model: 'drops-one' }, status: 200 },
      { why: 'dropped by name', asked: { additional_drop_params: ['logit_bias'] }, status: 200 },
      {
        why: 'dropped by another name',
        asked: { additional_drop_params: ['seed'] },
        status: 400,
        param: 'logit_bias',
      },
      {
        why: 'not to be dropped',
        asked: { model: 'drops', allowed_openai_params: ['logit_bias'] },
        status: 400,
        param: 'logit_bias',
      },
    ]) {
      test(`${status} for a parameter that the model lacks, ${why}`, async () => {
        const reply = await chat(gateway, masterKey, { model: 'command-a', logit_bias: { 1: 1 }, ...asked });
        assert.equal(reply.status, status, reply.text);
        if (param !== undefined) assert.equal(errorOf(reply).param, param);
        gateway.simulator.clearBilled();
      });
    }

    test('in the end nothing was spent, and each refusal after the key was known has a row that says so', async () => {
      const reply = await ask(gateway, `/spend/logs?api_key=${keys.good}`);
      const rows = Rows.parse(JSON.parse(reply.text));
      assert.ok(rows.length > 0);
      assert.ok(rows.every(({ spend, status }) => spend === 0 && status === 'failure'));
      for (const key of [keys.good, keys.expired, keys.blocked, keys.onlyGrok]) {
        assert.equal((await infoOf(gateway, key)).spend, 0);
      }
      const works = await chat(gateway, keys.good);
      assert.equal(works.status, 200, works.text);
      assert.equal((await ask(gateway, '/health/readiness')).status, 200);
    });
  });
}

const Detail = z.object({ detail: z.array(z.looseObject({ loc: z.array(z.union([z.string(), z.number()])) })) });

async function fetchReply(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sends bytes that no HTTP client would. */
async function rawReply(url: string, bytes: string): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', ...text] = received.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(Object.fromEntries(lines.map((line) => line.split(': ', 2))));
  return { status: Number(first.split(' ')[1]), headers, text: text.join('\r\n\r\n') };
}
