import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createBrotliCompress, createDeflate, createGzip, createZstdCompress, gzipSync } from 'node:zlib';
import type { Transform } from 'node:stream';
import { silentLogger } from '@sluice/shared/log.ts';
import { openSigners } from '../../../src/providers/oci/identity/open-signers.ts';
import { openOciProvider } from '../../../src/providers/oci/oci-provider.ts';
import type { OciProviderOptions } from '../../../src/providers/oci/oci-provider.ts';
import { postSigningString } from '../../../src/providers/oci/signing.ts';
import { ProviderError } from '../../../src/providers/provider.ts';
import type { ChatCall, EmbeddingCall, Provider, ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, chatCallOf, countingIds, deploymentOf, sampleCallId, sseOf, streamFixture } from './fixtures.ts';
import { inputsOf, openStub, sendJson, startSse } from '../http/stub-server.ts';
import type { Stub, StubRequest } from '../http/stub-server.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const signers = openSigners({ env: {}, log: silentLogger });
const never = new AbortController().signal;

const wholeText = {
  modelId: 'xai.grok-3',
  modelVersion: '1.0',
  chatResponse: {
    apiFormat: 'GENERIC',
    choices: [{ index: 0, message: { content: [{ type: 'TEXT', text: 'Paris.' }] }, finishReason: 'stop' }],
    usage: { promptTokens: 13, completionTokens: 8, totalTokens: 21 },
  },
};
const llamaText = streamFixture('generic-llama-text');

type Answer = (request: StubRequest, res: ServerResponse) => void | Promise<void>;
interface Setup extends AsyncDisposable {
  readonly stub: Stub;
  readonly provider: Required<Provider>;
  chat(options?: Partial<ChatCall>, model?: string): ChatCall;
  embed(input: string[], options?: Partial<EmbeddingCall['request']>): EmbeddingCall;
}

async function setUp(answer: Answer, options: Partial<OciProviderOptions> = {}): Promise<Setup> {
  await using opened = new AsyncDisposableStack();
  const stub = opened.use(await openStub(answer));
  const provider = opened.use(
    openOciProvider({ signers, connectionsPerDeployment: 8, graceMs: 50, newToolCallId: countingIds(), ...options }),
  );
  const resources = opened.move();
  return {
    stub,
    provider,
    chat: (call = {}, model = 'xai.grok-3') => ({
      ...chatCallOf(model, {}),
      deployment: deploymentOf(model, stub.url, pem),
      ...call,
    }),
    embed: (input, request = {}) => ({
      callId: sampleCallId,
      deployment: deploymentOf('cohere.embed-v4.0', stub.url, pem),
      request: { model: 'embed', input, ...request },
      dropParams: false,
      mayBeSent: Promise.resolve(),
      timeouts: { connectMs: 1000, firstTokenMs: 10_000, betweenTokensMs: 10_000 },
    }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function collect(batches: AsyncIterable<readonly ProviderEvent[]>): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}

async function failureOf(batches: AsyncIterable<readonly ProviderEvent[]>): Promise<ProviderError> {
  try {
    await collect(batches);
  } catch (error) {
    assert.ok(error instanceof ProviderError, `not a ProviderError: ${String(error)}`);
    return error;
  }
  return assert.fail('the call did not fail');
}

/** Fails the test when the SDK writes to the console. */
function silentConsole(t: TestContext): void {
  const warn = t.mock.method(console, 'warn', () => undefined);
  t.after(() => assert.equal(warn.mock.callCount(), 0, 'nothing is written to the console'));
}

test('whole call: signed, in the envelope, answered', async () => {
  const now = Date.parse('2026-11-21T08:00:00Z');
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText), { now: () => now });
  const events = await collect(at.provider.chat(at.chat(), never));

  const [request] = at.stub.requests;
  assert.ok(request);
  assert.equal(request.path, '/20231130/actions/chat');
  assert.deepEqual(request.json, {
    compartmentId: 'ocid1.compartment.oc1..sim',
    servingMode: { servingType: 'ON_DEMAND', modelId: 'xai.grok-3' },
    chatRequest: {
      apiFormat: 'GENERIC',
      messages: [{ role: 'USER', content: [{ type: 'TEXT', text: 'Hi' }] }],
      maxTokens: 700,
    },
  });
  assert.equal(request.headers['accept-encoding'], 'identity');
  assert.match(request.headers['user-agent'] ?? '', /^Oracle-TypeScriptSDK\/2\.142\.0/);
  assert.equal(request.headers['x-date'], 'Sat, 21 Nov 2026 08:00:00 GMT');
  assert.ok(verifies(request));

  const [accepted, ...content] = events;
  assert.deepEqual(accepted, {
    type: 'accepted',
    providerRequestId: 'client/A/B',
    headers: { 'opc-request-id': 'client/A/B' },
  });
  assert.deepEqual(content, [
    { type: 'text-delta', choice: 0, text: 'Paris.' },
    { type: 'choice-end', choice: 0, finishReason: 'stop' },
    { type: 'usage', usage: { inputTokens: 13, outputTokens: 8, cachedInputTokens: 0, reasoningTokens: 0 } },
  ]);
});

function verifies({ headers, path }: StubRequest): boolean {
  const signed = postSigningString(path, {
    'x-date': String(headers['x-date']),
    host: String(headers.host),
    'content-type': String(headers['content-type']),
    'content-length': String(headers['content-length']),
    'x-content-sha256': String(headers['x-content-sha256']),
  });
  const [, signature = ''] = /signature="([^"]+)"$/.exec(headers.authorization ?? '') ?? [];
  return verify('sha256', Buffer.from(signed), publicKey, Buffer.from(signature, 'base64'));
}

test('whole call: the SDK passes tools, schemas and results on unchanged', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText));
  const parameters = { type: 'object', properties: { snake_case: { type: 'string' }, type: { type: 'integer' } } };
  const request: ChatCall['request'] = {
    model: 'chat',
    messages: [
      {
        role: 'assistant',
        content: 'T',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    response_format: { type: 'json_schema', json_schema: { name: 'r', strict: true, schema: parameters } },
  };
  await collect(at.provider.chat(at.chat({ request }, 'meta.llama-4-scout-17b-16e-instruct'), never));
  assert.deepEqual(at.stub.requests[0]?.json['chatRequest'], {
    apiFormat: 'GENERIC',
    messages: [
      {
        role: 'ASSISTANT',
        content: [{ type: 'TEXT', text: 'T' }],
        toolCalls: [{ id: 'c', type: 'FUNCTION', name: 'f', arguments: '{}' }],
      },
      { role: 'TOOL', content: [{ type: 'TEXT', text: 'ok' }], toolCallId: 'c' },
      { role: 'USER', content: [{ type: 'IMAGE', imageUrl: { url: 'data:,' } }] },
    ],
    maxTokens: 700,
    tools: [{ type: 'FUNCTION', name: 'f', parameters }],
    toolChoice: { type: 'FUNCTION', name: 'f' },
    responseFormat: { type: 'JSON_SCHEMA', jsonSchema: { name: 'r', schema: parameters, isStrict: true } },
  });
});

test('a call is sent when it may be, and not at all when it must not be', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText));
  const allowed = Promise.withResolvers<void>();
  const answered = collect(at.provider.chat(at.chat({ mayBeSent: allowed.promise }), never));
  const refused = Promise.reject(new Error('not noted'));
  refused.catch(() => undefined);
  await assert.rejects(collect(at.provider.chat(at.chat({ mayBeSent: refused }), never)));
  assert.equal(at.stub.requests.length, 0);
  allowed.resolve();
  await answered;
  assert.equal(at.stub.requests.length, 1);
});

test('whole call: a dedicated endpoint is called by its id', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText));
  const call = at.chat();
  const servingMode = { type: 'DEDICATED' as const, endpointId: 'ocid1.endpoint' };
  const { target } = call.deployment;
  assert.ok(target.api === 'oci');
  const deployment = { ...call.deployment, target: { ...target, servingMode } };
  await collect(at.provider.chat({ ...call, deployment }, never));
  assert.deepEqual(at.stub.requests[0]?.json['servingMode'], {
    servingType: 'DEDICATED',
    endpointId: 'ocid1.endpoint',
  });
});

test('whole call: an answer of an unexpected shape is read as far as it goes', async () => {
  const answer = { chatResponse: { choices: [{ message: { content: 'Paris.', toolCalls: {} } }] } };
  await using at = await setUp((_request, res) => sendJson(res, 200, answer));
  const events = await collect(at.provider.chat(at.chat(), never));
  assert.equal(assemble(events).choices[0]?.text, 'Paris.');
});

test('whole call: one that asked for a stream gets its answer all the same', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText));
  const events = await collect(at.provider.chat(at.chat({ stream: true }), never));
  assert.equal(assemble(events).choices[0]?.text, 'Paris.');
});

test('connections: they are used again, and never more than allowed', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText), { connectionsPerDeployment: 2 });
  await Promise.all(Array.from({ length: 10 }, () => collect(at.provider.chat(at.chat(), never))));
  assert.equal(at.stub.requests.length, 10);
  assert.ok(at.stub.connections.opened <= 2);
});

const contentTypes = ['text/event-stream', 'text/event-stream;charset=UTF-8', 'Text/Event-Stream; charset=utf-8'];
for (const contentType of contentTypes) {
  test(`stream: ${contentType}`, async () => {
    await using at = await setUp((_request, res) => {
      startSse(res, contentType);
      res.end(sseOf(llamaText));
    });
    const events = await collect(at.provider.chat(at.chat({ stream: true }), never));
    assert.equal(events[0]?.type, 'accepted');
    assert.equal(assemble(events).choices[0]?.text, 'Hello, Zürich 👋');
    assert.deepEqual(Object(at.stub.requests[0]?.json['chatRequest']).streamOptions, { isIncludeUsage: true });
  });
}

test('stream: what arrives together is one batch, before the next is sent', async () => {
  let send: (from: number, to: number) => void = () => undefined;
  await using at = await setUp((_request, res) => {
    startSse(res);
    send = (from, to) => void res.write(sseOf(llamaText.slice(from, to)));
  });
  const batches = at.provider.chat(at.chat({ stream: true }), never)[Symbol.asyncIterator]();
  const types = async () => (await batches.next()).value?.map((event: ProviderEvent) => event.type);
  assert.deepEqual(await types(), ['accepted']);
  send(0, 3);
  assert.deepEqual(await types(), ['text-delta', 'text-delta']);
  send(3, 5);
  assert.deepEqual(await types(), ['choice-end', 'usage']);
  assert.equal((await batches.next()).done, true);
});

test('stream: complete while the connection stays open; it is closed after the grace', async () => {
  const closed = Promise.withResolvers<void>();
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(streamFixture('generic-openai-text')));
    res.on('close', closed.resolve);
  });
  const events = await collect(at.provider.chat(at.chat({ stream: true }), never));
  assert.equal(events.at(-1)?.type, 'usage');
  await closed.promise;
});

test('stream: without usage it is complete after the grace', async () => {
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(llamaText.slice(0, 4)));
  });
  const events = await collect(at.provider.chat(at.chat({ stream: true }), never));
  assert.equal(events.at(-1)?.type, 'choice-end');
});

test('stream: a connection whose answer ended is used for the next', async () => {
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(streamFixture('generic-openai-text')));
    res.end();
  });
  for (let call = 0; call < 3; call += 1) await collect(at.provider.chat(at.chat({ stream: true }), never));
  assert.equal(at.stub.connections.opened, 1);
});

test('stream: cut off before its end it fails, after what came', async () => {
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.end(sseOf(llamaText.slice(0, 3)));
  });
  const seen: ProviderEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const batch of at.provider.chat(at.chat({ stream: true }), never)) seen.push(...batch);
    },
    { code: 'provider_bad_gateway', mayBeBilled: true, providerRequestId: 'client/A/B' },
  );
  assert.equal(assemble(seen).choices[0]?.text, 'Hello, Zürich 👋');
});

test('stream: reset within the answer may be billed', async () => {
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(llamaText.slice(0, 2)), () => res.destroy());
  });
  const error = await failureOf(at.provider.chat(at.chat({ stream: true }), never));
  assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_gateway', true]);
});

test('stream: reset behind the finish is a complete answer', async () => {
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(llamaText.slice(0, 4)), () => res.destroy());
  });
  const events = await collect(at.provider.chat(at.chat({ stream: true }), never));
  assert.equal(assemble(events).choices[0]?.finishReason, 'stop');
});

test('stream: a failure event is the failure, after the text before it', async () => {
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.end(sseOf([llamaText[1] ?? '', '{"code":"429","message":"Slow down."}']));
  });
  const seen: ProviderEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const batch of at.provider.chat(at.chat({ stream: true }), never)) seen.push(...batch);
    },
    { code: 'provider_throttled', mayBeBilled: true },
  );
  assert.equal(assemble(seen).choices[0]?.text, 'Hel');
});

const encodings: readonly (readonly [string, () => Transform])[] = [
  ['gzip', createGzip],
  ['deflate', createDeflate],
  ['br', createBrotliCompress],
  ['zstd', createZstdCompress],
];
for (const [encoding, create] of encodings) {
  test(`compressed: a ${encoding} stream is read as it comes, though we asked for none`, async () => {
    let sendRest: () => void = () => undefined;
    await using at = await setUp((_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding });
      const encoder = create();
      encoder.pipe(res);
      encoder.write(sseOf(llamaText.slice(0, 2)));
      Object(encoder).flush();
      sendRest = () => void encoder.end(sseOf(llamaText.slice(2)));
    });
    const events: ProviderEvent[] = [];
    for await (const batch of at.provider.chat(at.chat({ stream: true }), never)) {
      events.push(...batch);
      // The rest is only sent once the first text has been seen.
      if (batch.some((event) => event.type === 'text-delta')) sendRest();
    }
    assert.equal(assemble(events).choices[0]?.text, 'Hello, Zürich 👋');
  });
}

test('compressed: a whole answer, and one of two frames', async () => {
  const body = Buffer.from(JSON.stringify(wholeText));
  await using at = await setUp((_request, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    res.end(Buffer.concat([gzipSync(body.subarray(0, 40)), gzipSync(body.subarray(40))]));
  });
  const events = await collect(at.provider.chat(at.chat(), never));
  assert.equal(assemble(events).choices[0]?.text, 'Paris.');
});

const unreadable = [
  { encoding: 'gzip', body: 'not gzip', why: 'no gzip' },
  { encoding: 'snappy', body: 'x', why: 'an unknown encoding' },
];
for (const { encoding, body, why } of unreadable) {
  test(`compressed: ${why} is a broken answer`, async () => {
    await using at = await setUp((_request, res) => sendJson(res, 200, body, { 'content-encoding': encoding }));
    const error = await failureOf(at.provider.chat(at.chat(), never));
    assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_gateway', true]);
  });
}

const refusals = [
  {
    status: 404,
    body: '{"code":"404","message":"Authorization failed or requested resource not found."}',
    code: 'provider_not_found',
  },
  { status: 429, body: '{"code":"TooManyRequests","message":"Slow down."}', code: 'provider_throttled' },
  { status: 502, body: '<html>Bad Gateway</html>', code: 'provider_bad_gateway' },
];
for (const { status, body, code } of refusals) {
  for (const stream of [false, true]) {
    test(`refused: ${status} ${stream ? 'for a stream' : 'for a whole answer'} is ${code}`, async (t) => {
      silentConsole(t);
      await using at = await setUp((_request, res) => sendJson(res, status, body, { 'retry-after': '7' }));
      const error = await failureOf(at.provider.chat(at.chat({ stream }), never));
      assert.equal(error.code, code);
      assert.equal(error.status, status);
      assert.ok(error.message.endsWith(`OciException - ${body}`));
      assert.equal(error.retryAfterSeconds, 7);
      assert.equal(error.providerRequestId, 'client/A/B');
      assert.equal(at.stub.requests.length, 1, 'the SDK does not retry');
    });
  }
}

test('refused: ten failures do not close the way for the next call', async () => {
  let down = true;
  await using at = await setUp((_request, res) => sendJson(res, down ? 503 : 200, wholeText));
  for (let call = 0; call < 12; call += 1) await failureOf(at.provider.chat(at.chat(), never));
  down = false;
  await collect(at.provider.chat(at.chat(), never));
});

const notAnswers = ['{"modelId":"x","chatRes', 'null', '[]', '{}', '{"chatResponse":null}', '{"chatResponse":{}}'];
for (const body of notAnswers) {
  test(`broken: 200 with ${body}`, async () => {
    await using at = await setUp((_request, res) => sendJson(res, 200, body));
    const error = await failureOf(at.provider.chat(at.chat(), never));
    assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_gateway', true]);
  });
}

test('network: nobody listens, so nothing is billed', async (t) => {
  silentConsole(t);
  const stub = await openStub(() => undefined);
  await stub[Symbol.asyncDispose]();
  await using provider = openOciProvider({ signers, connectionsPerDeployment: 1 });
  const deployment = deploymentOf('xai.grok-3', stub.url, pem);
  const error = await failureOf(provider.chat({ ...chatCallOf('xai.grok-3', {}), deployment }, never));
  assert.deepEqual([error.code, error.mayBeBilled, error.status], ['provider_unreachable', false, 500]);
  assert.equal(error.message, 'litellm.APIConnectionError: OciException - Connection error.');
});

test('network: reset after the request was sent may be billed', async () => {
  await using at = await setUp((_request, res) => void res.destroy());
  const error = await failureOf(at.provider.chat(at.chat(), never));
  assert.deepEqual([error.code, error.mayBeBilled], ['provider_unreachable', true]);
});

for (const [what, answer] of [
  ['small', (res: ServerResponse) => sendJson(res, 401, { code: 'NotAuthenticated', message: 'No.' })],
  ['large', (res: ServerResponse) => sendJson(res, 401, { code: 'NotAuthenticated', message: 'x'.repeat(200_000) })],
  [
    'broken off',
    (res: ServerResponse) => {
      res.writeHead(401, { 'content-length': '100' });
      res.write('{', () => res.destroy());
    },
  ],
] as const) {
  test(`identity: a 401 that is ${what} is the answer where nothing can be renewed, and is not billed`, async () => {
    await using at = await setUp((_request, res) => answer(res));
    const error = await failureOf(at.provider.chat(at.chat(), never));
    assert.deepEqual([error.code, error.status, error.mayBeBilled], ['provider_authentication', 401, false]);
    assert.equal(at.stub.requests.length, 1);
  });
}

test('identity: a key that cannot be read is told without showing it', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText));
  const deployment = deploymentOf('xai.grok-3', at.stub.url, '-----BEGIN PRIVATE KEY-----\nsecret');
  const error = await failureOf(at.provider.chat(at.chat({ deployment }), never));
  assert.deepEqual([error.code, error.status, error.mayBeBilled], ['provider_authentication', 401, false]);
  assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /secret/);
});

const silences: readonly { answer: Answer; stream: boolean; why: string }[] = [
  { answer: () => undefined, stream: false, why: 'a whole answer that does not come' },
  { answer: () => undefined, stream: true, why: 'a stream that does not begin' },
  { answer: (_request, res) => startSse(res), stream: true, why: 'headers without events' },
  {
    answer: (_request, res) => {
      startSse(res);
      res.write(': ping\n\n');
    },
    stream: true,
    why: 'comments only',
  },
  {
    answer: (_request, res) => {
      startSse(res);
      res.write(sseOf(llamaText.slice(0, 2)));
    },
    stream: true,
    why: 'silence after the first text',
  },
  {
    answer: (_request, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write('{"modelId":');
    },
    stream: false,
    why: 'a whole answer that stops half way',
  },
];
for (const { answer, stream, why } of silences) {
  test(`time limit: ${why}`, async () => {
    const closed = Promise.withResolvers<void>();
    await using at = await setUp((request, res) => {
      res.on('close', closed.resolve);
      return answer(request, res);
    });
    const timeouts = { connectMs: 1000, firstTokenMs: 40, betweenTokensMs: 40 };
    const error = await failureOf(at.provider.chat(at.chat({ stream, timeouts }), never));
    assert.deepEqual([error.code, error.status, error.mayBeBilled], ['provider_timeout', 408, true]);
    await closed.promise;
  });
}

test('time limit: waiting for a free connection counts, but costs nothing', async () => {
  const arrived = Promise.withResolvers<void>();
  await using at = await setUp(() => arrived.resolve(), { connectionsPerDeployment: 1 });
  const leave = new AbortController();
  const first = collect(at.provider.chat(at.chat(), leave.signal));
  await arrived.promise;
  const timeouts = { connectMs: 1000, firstTokenMs: 40, betweenTokensMs: 40 };
  const error = await failureOf(at.provider.chat(at.chat({ timeouts }), never));
  assert.deepEqual([error.code, error.mayBeBilled], ['provider_timeout', false]);
  leave.abort();
  await assert.rejects(first, { name: 'AbortError' });
  assert.equal(at.stub.requests.length, 1);
});

test('time limit: a slow reader is not a silent provider', async () => {
  let sendRest: () => void = () => undefined;
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(llamaText.slice(0, 2)));
    sendRest = () => void res.end(sseOf(llamaText.slice(2)));
  });
  const timeouts = { connectMs: 1000, firstTokenMs: 1000, betweenTokensMs: 40 };
  const events: ProviderEvent[] = [];
  for await (const batch of at.provider.chat(at.chat({ stream: true, timeouts }), never)) {
    events.push(...batch);
    if (!batch.some((event) => event.type === 'text-delta')) continue;
    sendRest();
    // Time itself is what is tried here.
    const busyUntil = Promise.withResolvers<void>();
    setTimeout(busyUntil.resolve, 120);
    await busyUntil.promise;
  }
  assert.equal(assemble(events).choices[0]?.text, 'Hello, Zürich 👋');
});

test('a client who leaves: aborting before the answer closes the connection', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  await using at = await setUp((_request, res) => arrived.resolve(res));
  const leave = new AbortController();
  const call = collect(at.provider.chat(at.chat(), leave.signal));
  const res = await arrived.promise;
  const closed = once(res, 'close');
  leave.abort(new Error('The client has left.'));
  await assert.rejects(call, { message: 'The client has left.' });
  await closed;
});

test('a client who leaves: aborting within a stream closes the connection', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(llamaText.slice(0, 2)));
    arrived.resolve(res);
  });
  const leave = new AbortController();
  const closed = arrived.promise.then((res) => once(res, 'close'));
  await assert.rejects(
    async () => {
      for await (const batch of at.provider.chat(at.chat({ stream: true }), leave.signal)) {
        if (batch.some((event) => event.type === 'text-delta')) leave.abort();
      }
    },
    { name: 'AbortError' },
  );
  await closed;
});

test('a client who leaves: leaving the iteration closes the connection', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  await using at = await setUp((_request, res) => {
    startSse(res);
    res.write(sseOf(llamaText.slice(0, 2)));
    arrived.resolve(res);
  });
  const closed = arrived.promise.then((res) => once(res, 'close'));
  for await (const batch of at.provider.chat(at.chat({ stream: true }), never)) {
    if (batch.some((event) => event.type === 'text-delta')) break;
  }
  await closed;
});

test('a client who leaves: one who has left already sends nothing', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText));
  await assert.rejects(collect(at.provider.chat(at.chat(), AbortSignal.abort())), { name: 'AbortError' });
  assert.equal(at.stub.requests.length, 0);
});

test('deprecation: said once per deployment', async (t) => {
  const warn = t.mock.fn();
  const notice = { 'model-deprecation-info': 'soon' };
  await using at = await setUp((_request, res) => sendJson(res, 200, wholeText, notice), { log: { warn } });
  const [accepted] = await collect(at.provider.chat(at.chat(), never));
  await collect(at.provider.chat(at.chat(), never));
  assert.equal(warn.mock.callCount(), 1);
  assert.deepEqual(warn.mock.calls[0]?.arguments.slice(1), ['model is deprecated']);
  assert.ok(accepted?.type === 'accepted');
  assert.equal(accepted.headers['model-deprecation-info'], 'soon');
});

/** Vectors that tell which input they belong to. */
function embedAnswer(request: StubRequest): object {
  const inputs = inputsOf(request.json);
  return {
    id: 'x',
    modelId: 'cohere.embed-v4.0',
    embeddings: inputs.map((input) => [Number(input), 0.5]),
    inputTextTokenCounts: inputs.map(() => 2),
  };
}

test('embeddings: many inputs go in parallel parts and come back in order', async () => {
  let atOnce = 0;
  let mostAtOnce = 0;
  const waiting: (() => void)[] = [];
  await using at = await setUp(async (request, res) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    // The parts answer in pairs, the later one first.
    const earlier = waiting.pop();
    if (!earlier && at.stub.requests.length < 6) await new Promise<void>((resolve) => waiting.push(resolve));
    atOnce -= 1;
    sendJson(res, 200, embedAnswer(request));
    earlier?.();
  });
  const input = Array.from({ length: 96 * 5 + 7 }, (_, index) => String(index));
  const events = await collect(at.provider.embed(at.embed(input), never));

  assert.equal(events[0]?.type, 'accepted');
  const vectors = events.filter((event) => event.type === 'embedding');
  assert.deepEqual(
    vectors.map((event) => [event.index, event.embedding]),
    input.map((text, index) => [index, [Number(text), 0.5]]),
  );
  assert.deepEqual(events.at(-1), {
    type: 'usage',
    usage: { inputTokens: input.length * 2, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 },
  });
  assert.equal(at.stub.requests.length, 6);
  assert.ok(mostAtOnce <= 4);
  assert.equal(at.stub.requests[0]?.path, '/20231130/actions/embedText');
  assert.deepEqual(at.stub.requests[0].json['servingMode'], { servingType: 'ON_DEMAND', modelId: 'cohere.embed-v4.0' });
});

test('embeddings: base64 on demand', async () => {
  await using at = await setUp((request, res) => sendJson(res, 200, embedAnswer(request)));
  const events = await collect(at.provider.embed(at.embed(['1'], { encoding_format: 'base64' }), never));
  const expected = Buffer.from('0000803f0000003f', 'hex').toString('base64');
  assert.ok(events.some((event) => event.type === 'embedding' && event.embedding === expected));
});

test('embeddings: one part refused is the whole refused, and the others may be billed', async () => {
  await using at = await setUp((request, res) => {
    const isLast = inputsOf(request.json).length < 96;
    sendJson(res, isLast ? 400 : 200, isLast ? { code: '400', message: 'No.' } : embedAnswer(request));
  });
  const input = Array.from({ length: 100 }, (_, index) => String(index));
  const error = await failureOf(at.provider.embed(at.embed(input), never));
  assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_request', true]);
});

test('embeddings: a single part refused costs nothing', async () => {
  await using at = await setUp((_request, res) => sendJson(res, 429, { code: '429', message: 'No.' }));
  const error = await failureOf(at.provider.embed(at.embed(['1']), never));
  assert.deepEqual([error.code, error.mayBeBilled], ['provider_throttled', false]);
});

test('embeddings: aborting closes every part', async () => {
  const arrived = Promise.withResolvers<void>();
  const closed: Promise<unknown>[] = [];
  await using at = await setUp((_request, res) => {
    closed.push(once(res, 'close'));
    if (closed.length === 3) arrived.resolve();
  });
  const leave = new AbortController();
  const input = Array.from({ length: 96 * 3 }, (_, index) => String(index));
  const call = collect(at.provider.embed(at.embed(input), leave.signal));
  await arrived.promise;
  leave.abort();
  await assert.rejects(call, { name: 'AbortError' });
  await Promise.all(closed);
});

/** The vendor's refusal, as OCI passes it on. */
function refusal(param: string, code = 'unsupported_parameter'): object {
  return { code: '400', message: JSON.stringify({ error: { message: `No ${param}.`, param, code } }) };
}

function isObjectWith(value: unknown, field: string): boolean {
  return Object.hasOwn(Object(value), field);
}

test('adaptation: a model that wants the other limit field gets it, from then on at once', async () => {
  await using at = await setUp(({ json }, res) =>
    isObjectWith(json['chatRequest'], 'maxTokens')
      ? sendJson(res, 400, refusal('max_tokens'))
      : sendJson(res, 200, wholeText),
  );
  for (let nth = 0; nth < 2; nth += 1) {
    const events = await collect(at.provider.chat(at.chat(), never));
    assert.equal(events.filter(({ type }) => type === 'accepted').length, 1);
  }
  const fields = at.stub.requests.map(({ json }) => Object(json['chatRequest']));
  assert.deepEqual(
    fields.map(({ maxTokens, maxCompletionTokens }) => [maxTokens, maxCompletionTokens]),
    [
      [700, undefined],
      [undefined, 700],
      [undefined, 700],
    ],
  );
});

test('adaptation: a model that refuses both limit fields is asked twice, not for ever, and never without a limit', async () => {
  await using at = await setUp(({ json }, res) => {
    const field = isObjectWith(json['chatRequest'], 'maxTokens') ? 'maxTokens' : 'maxCompletionTokens';
    sendJson(res, 400, refusal(field));
  });
  const error = await failureOf(at.provider.chat(at.chat(), never));
  assert.equal(error.param, 'maxCompletionTokens');
  assert.equal(at.stub.requests.length, 2);
});

test('adaptation: a stream is asked for without streamOptions where they are refused', async () => {
  await using at = await setUp(({ json }, res) => {
    if (isObjectWith(json['chatRequest'], 'streamOptions')) return sendJson(res, 400, refusal('streamOptions'));
    startSse(res);
    res.end(sseOf(llamaText));
  });
  const events = await collect(at.provider.chat(at.chat({ stream: true }), never));
  assert.equal(assemble(events).choices[0]?.finishReason, 'stop');
});

test('adaptation: what the client asked for is left out with drop_params only; without, the 400 names it', async () => {
  await using at = await setUp(({ json }, res) =>
    isObjectWith(json['chatRequest'], 'seed') ? sendJson(res, 400, refusal('seed')) : sendJson(res, 200, wholeText),
  );
  const request = { ...at.chat().request, seed: 7 };
  const ask = (dropParams: boolean) => at.provider.chat(at.chat({ request, dropParams }), never);
  assert.equal((await failureOf(ask(false))).param, 'seed');
  assert.equal(at.stub.requests.length, 1);
  await collect(ask(true));
  assert.equal(at.stub.requests.length, 3);
  await collect(ask(true));
  assert.equal(at.stub.requests.length, 4, 'what was learnt is kept');
  assert.equal((await failureOf(ask(false))).param, 'seed');
  const insisting = { ...request, allowed_openai_params: ['seed'] };
  assert.equal(
    (await failureOf(at.provider.chat(at.chat({ request: insisting, dropParams: true }), never))).param,
    'seed',
  );
});

test('adaptation: a refused value is left out, another value of the same parameter is still sent', async () => {
  await using at = await setUp(({ json }, res) =>
    Object(json['chatRequest']).temperature === 0.5
      ? sendJson(res, 400, refusal('temperature', 'unsupported_value'))
      : sendJson(res, 200, wholeText),
  );
  const ask = (temperature: number) =>
    at.provider.chat(at.chat({ request: { ...at.chat().request, temperature }, dropParams: true }), never);
  await collect(ask(0.5));
  await collect(ask(0.75));
  const sent = at.stub.requests.map(({ json }) => Object(json['chatRequest']).temperature);
  assert.deepEqual(sent, [0.5, undefined, 0.75]);
});

for (const { body, why } of [
  { body: refusal('messages'), why: 'what cannot be left out' },
  { body: refusal('seed', 'context_length_exceeded'), why: 'another refusal' },
  { body: { code: '400', message: 'seed' }, why: 'no name' },
]) {
  test(`adaptation: ${why} is not asked again`, async () => {
    await using at = await setUp((_request, res) => sendJson(res, 400, body));
    const request = { ...at.chat().request, seed: 7 };
    await failureOf(at.provider.chat(at.chat({ request, dropParams: true }), never));
    assert.equal(at.stub.requests.length, 1);
  });
}
