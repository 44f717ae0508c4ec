import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTokens } from '../tokens.ts';
import { identity, jsonOf, onDemand, openSimulator, pick, send, type Call } from './signed-call.ts';

const v4 = 'cohere.embed-v4.0';
const v3 = 'cohere.embed-english-v3.0';

function embedCall(model: string, request: object): Call {
  const body = { compartmentId: identity.compartmentId, servingMode: onDemand(model), ...request };
  return { path: '/20231130/actions/embedText', body };
}

test('embeddings: one unit vector per input, the same for the same text, and billed by input', async () => {
  await using simulator = await openSimulator();
  const inputs = ['a river', 'a gate', 'a river'];
  const reply = await send(simulator.url, embedCall(v4, { inputs, inputType: 'SEARCH_DOCUMENT', truncate: 'END' }));
  const vectors = inputs.map((_, nth) => vectorOf(pick(jsonOf(reply.text), 'embeddings', nth)));
  assert.deepEqual(
    vectors.map(({ length }) => length),
    [1536, 1536, 1536],
  );
  assert.deepEqual(vectors[0], vectors[2]);
  assert.notDeepEqual(vectors[0], vectors[1]);
  assert.ok(Math.abs(Math.hypot(...(vectors[0] ?? [])) - 1) < 1e-6);
  assert.deepEqual(pick(jsonOf(reply.text), 'inputTextTokenCounts'), inputs.map(countTokens));
  const [bill] = simulator.billed();
  assert.deepEqual(
    [bill?.format, bill?.promptTokens, bill?.completionTokens, bill?.completed],
    ['EMBED', pick(jsonOf(reply.text), 'usage', 'promptTokens'), 0, true],
  );
});

test('embeddings: other types come by type, and without float the list is empty', async () => {
  await using simulator = await openSimulator();
  const request = { inputs: ['x'], embeddingTypes: ['int8', 'ubinary', 'base64'], outputDimensions: 256 };
  const reply = jsonOf((await send(simulator.url, embedCall(v4, request))).text);
  assert.deepEqual(pick(reply, 'embeddings'), []);
  assert.equal(vectorOf(pick(reply, 'embeddingsByType', 'int8', 0)).length, 256);
  assert.equal(vectorOf(pick(reply, 'embeddingsByType', 'ubinary', 0)).length, 32);
  assert.equal(Buffer.from(String(pick(reply, 'embeddingsByType', 'base64', 0)), 'base64').length, 1024);
});

function vectorOf(value: unknown): number[] {
  assert.ok(Array.isArray(value));
  return value.map(Number);
}

const long = 'word '.repeat(600);
const limits: readonly { why: string; call: Call; status: number }[] = [
  { why: '96 inputs', call: embedCall(v4, { inputs: Array(96).fill('x') }), status: 200 },
  { why: '97 inputs', call: embedCall(v4, { inputs: Array(97).fill('x') }), status: 400 },
  { why: 'no input', call: embedCall(v4, { inputs: [] }), status: 400 },
  { why: 'an input that is too long', call: embedCall(v3, { inputs: [long] }), status: 400 },
  {
    why: 'an input that is too long, truncated',
    call: embedCall(v3, { inputs: [long], truncate: 'END' }),
    status: 200,
  },
  { why: 'dimensions of another model', call: embedCall(v3, { inputs: ['x'], outputDimensions: 256 }), status: 400 },
  { why: 'an unknown field', call: embedCall(v4, { inputs: ['x'], model: 'y' }), status: 400 },
  { why: 'one image', call: embedCall(v4, { inputs: ['data:image/png;base64,AA'], inputType: 'IMAGE' }), status: 200 },
  {
    why: 'an image by its address',
    call: embedCall(v4, { inputs: ['https://a.b/c.png'], inputType: 'IMAGE' }),
    status: 400,
  },
  {
    why: 'an image for a text model',
    call: embedCall(v3, { inputs: ['data:image/png;base64,AA'], inputType: 'IMAGE' }),
    status: 400,
  },
  { why: 'a chat model', call: embedCall('xai.grok-4', { inputs: ['x'] }), status: 404 },
];

for (const { why, call, status } of limits) {
  test(`embeddings: ${status} for ${why}`, async () => {
    await using simulator = await openSimulator();
    assert.equal((await send(simulator.url, call)).status, status);
  });
}

test('models: in pages, with duplicates, retired, custom and dedicated-only ones', async () => {
  await using simulator = await openSimulator();
  const items: unknown[] = [];
  let page = '';
  let pages = 0;
  do {
    const path = `/20231130/models?compartmentId=${identity.compartmentId}${page && `&page=${page}`}`;
    const reply = await send(simulator.url, { method: 'GET', path });
    items.push(...itemsOf(reply.text));
    page = String(reply.headers['opc-next-page'] ?? '');
    pages += 1;
  } while (page !== '');
  assert.ok(pages > 3);
  const names = items.map((item) => pick(item, 'displayName'));
  assert.ok(new Set(names).size < names.length);
  assert.ok(names.includes('cohere.rerank.v3-5'));
  assert.ok(items.some((item) => pick(item, 'type') === 'CUSTOM'));
  assert.ok(items.some((item) => pick(item, 'timeOnDemandRetired') !== undefined));
});

test('models: what a test asks for goes wrong, and nothing else', async () => {
  await using simulator = await openSimulator();
  const path = `/20231130/models?compartmentId=${identity.compartmentId}&vendor=xai&limit=1000`;
  const ask = () => send(simulator.url, { method: 'GET', path });
  simulator.setControlPlane({ fail: { status: 503 } });
  assert.equal((await ask()).status, 503);
  simulator.setControlPlane({ drop: true });
  await assert.rejects(ask());
  simulator.setControlPlane({ without: ['xai.grok-4'], endless: true });
  const reply = await ask();
  assert.equal(reply.headers['opc-next-page'], '0');
  const names = new Set(itemsOf(reply.text).map((item) => pick(item, 'displayName')));
  assert.ok(names.has('xai.grok-3') && !names.has('xai.grok-4'));
  simulator.setControlPlane({});
  assert.ok((await ask()).text.includes('"xai.grok-4"'));
  const unsigned = await send(simulator.url, { method: 'GET', path, headers: { authorization: '' } });
  assert.equal(unsigned.status, 401);
  assert.equal(simulator.controlPlaneRequests(), 4);
});

const queries = [
  {
    query: `?compartmentId=${identity.compartmentId}&capability=TEXT_RERANK&capability=FINE_TUNE`,
    status: 200,
    items: 2,
  },
  { query: `?compartmentId=${identity.compartmentId}&vendor=google&limit=2`, status: 200, items: 2 },
  { query: '?compartmentId=other', status: 404, items: undefined },
  { query: '', status: 400, items: undefined },
];

for (const { query, status, items } of queries) {
  test(`models: ${status} for ${query.replace(identity.compartmentId, '…') || 'no compartment'}`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, { method: 'GET', path: `/20231130/models${query}` });
    assert.equal(reply.status, status);
    if (items !== undefined) assert.equal(itemsOf(reply.text).length, items);
  });
}

function itemsOf(text: string): unknown[] {
  const items = pick(jsonOf(text), 'items');
  assert.ok(Array.isArray(items));
  return items;
}
