import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import { fromEmbedResponse, sumUsage } from '../../../src/providers/oci/embed/from-embed-response.ts';
import { toEmbedRequests } from '../../../src/providers/oci/embed/to-embed-request.ts';
import { asSent, deploymentOf, sampleCallId } from './fixtures.ts';
import { inputsOf } from './stub-server.ts';

function requests(request: Partial<EmbeddingRequest>, options: { model?: string; dropParams?: boolean } = {}): unknown {
  const sent = toEmbedRequests({
    callId: sampleCallId,
    deployment: deploymentOf(options.model ?? 'cohere.embed-v4.0'),
    request: { model: 'embed', input: 'a', ...request },
    dropParams: options.dropParams ?? false,
    mayBeSent: Promise.resolve(),
    timeouts: { connectMs: 1, firstTokenMs: 1, betweenTokensMs: 1 },
  });
  return asSent(sent);
}

const cases: readonly { request: Partial<EmbeddingRequest>; sent: readonly object[]; why: string }[] = [
  { request: {}, sent: [{ inputs: ['a'], inputType: 'SEARCH_DOCUMENT', truncate: 'END' }], why: 'one text' },
  {
    request: { input: ['a', 'b'], dimensions: 256, input_type: 'search_query', truncate: 'none', user: 'u' },
    sent: [{ inputs: ['a', 'b'], inputType: 'SEARCH_QUERY', truncate: 'NONE', outputDimensions: 256 }],
    why: 'dimensions, input type and truncation',
  },
  {
    request: { input: ['data:image/png;base64,AA', 'data:image/svg+xml;base64,BB'], input_type: 'image' },
    sent: [
      { inputs: ['data:image/png;base64,AA'], inputType: 'IMAGE', truncate: 'END' },
      { inputs: ['data:image/svg+xml;base64,BB'], inputType: 'IMAGE', truncate: 'END' },
    ],
    why: 'a picture goes alone',
  },
];
for (const { request, sent, why } of cases) {
  test(`embed request: ${why}`, () => assert.deepEqual(requests(request), sent));
}

const sizes = [
  { count: 1, chunks: [1] },
  { count: 96, chunks: [96] },
  { count: 97, chunks: [96, 1] },
  { count: 2048, chunks: [...Array.from({ length: 21 }, () => 96), 32] },
];
for (const { count, chunks } of sizes) {
  test(`embed request: ${count} inputs go in ${chunks.length} calls, in order`, () => {
    const input = Array.from({ length: count }, (_, index) => String(index));
    const sent = toEmbedRequests({
      callId: sampleCallId,
      deployment: deploymentOf('cohere.embed-v4.0'),
      request: { model: 'embed', input },
      dropParams: false,
      mayBeSent: Promise.resolve(),
      timeouts: { connectMs: 1, firstTokenMs: 1, betweenTokensMs: 1 },
    }).map(inputsOf);
    assert.deepEqual(
      sent.map((inputs) => inputs.length),
      chunks,
    );
    assert.deepEqual(sent.flat(), input);
  });
}

test('embed request: dimensions are refused where the model has only one', () => {
  const model = 'cohere.embed-english-v3.0';
  assert.throws(() => requests({ dimensions: 256 }, { model }), { code: 'unsupported_parameter', param: 'dimensions' });
  assert.deepEqual(requests({ dimensions: 256 }, { model, dropParams: true }), [
    { inputs: ['a'], inputType: 'SEARCH_DOCUMENT', truncate: 'END' },
  ]);
});

for (const input_type of ['search_document', 'search_query', 'classification', 'CLUSTERING']) {
  test(`embed request: ${input_type} is an input type`, () =>
    assert.deepEqual(requests({ input_type }), [
      { inputs: ['a'], inputType: input_type.toUpperCase(), truncate: 'END' },
    ]));
}

const picture = 'data:image/png;base64,AA';
const refused: readonly { request: Partial<EmbeddingRequest>; model?: string; param: string; message: RegExp }[] = [
  { request: { dimensions: 257 }, param: 'dimensions', message: /v4\.0 makes vectors of 256, 512, 1024, 1536 numbers/ },
  { request: { input_type: 'poem' }, param: 'input_type', message: /one of search_document, .*image/ },
  { request: { truncate: 'middle' }, param: 'truncate', message: /one of end, start, none/ },
  { request: { input_type: 'image', input: 'https://a.b/c.png' }, param: 'input', message: /data URI/ },
  { request: { input_type: 'image', input: [picture, 'a cat'] }, param: 'input', message: /data URI/ },
  {
    request: { input_type: 'image', input: picture },
    model: 'cohere.embed-english-v3.0',
    param: 'input_type',
    message: /cohere\.embed-english-v3\.0 takes no images/,
  },
];
for (const { request, model, param, message } of refused) {
  test(`embed request: ${JSON.stringify(request)} is refused before anything is sent`, () =>
    assert.throws(() => requests(request, model === undefined ? {} : { model }), {
      code: 'invalid_request',
      status: 400,
      mayBeBilled: false,
      param,
      message,
    }));
}

test('embed request: an unknown model decides about its dimensions, and v3 models may take pictures', () => {
  const own = requests({ dimensions: 77 }, { model: 'ocid1.generativeaiendpoint.oc1.us-chicago-1.x' });
  assert.deepEqual(own, [{ inputs: ['a'], inputType: 'SEARCH_DOCUMENT', truncate: 'END', outputDimensions: 77 }]);
  const sent = requests({ input_type: 'image', input: picture }, { model: 'cohere.embed-english-light-image-v3.0' });
  assert.deepEqual(sent, [{ inputs: [picture], inputType: 'IMAGE', truncate: 'END' }]);
});

test('embed answer: numbers, from the first index on', () => {
  const expected = { firstIndex: 96, count: 2, encoding: 'float' as const };
  const { events } = fromEmbedResponse(
    {
      embeddings: [
        [0.5, 1],
        [2, 3],
      ],
    },
    expected,
  );
  assert.deepEqual(events, [
    { type: 'embedding', index: 96, embedding: [0.5, 1] },
    { type: 'embedding', index: 97, embedding: [2, 3] },
  ]);
});

test('embed answer: base64 is little-endian float32', () => {
  const expected = { firstIndex: 0, count: 1, encoding: 'base64' as const };
  const { events } = fromEmbedResponse({ embeddingsByType: { float: [[1, -0.5, 0.1]] } }, expected);
  const [event] = events;
  assert.ok(event?.type === 'embedding' && typeof event.embedding === 'string');
  assert.equal(event.embedding, Buffer.from('0000803f000000bfcdcccc3d', 'hex').toString('base64'));
});

const wrong = [{}, { embeddings: [] }, { embeddings: [[1], [2]] }, { embeddings: [['x']] }, { embeddings: [[]] }];
for (const result of wrong) {
  test(`embed answer: ${JSON.stringify(result)} for one input is broken`, () =>
    assert.throws(() => fromEmbedResponse(result, { firstIndex: 0, count: 1, encoding: 'float' }), {
      code: 'provider_bad_gateway',
      mayBeBilled: true,
    }));
}

const counted: readonly { result: object; count?: number; tokens: number | null; why: string }[] = [
  { result: { usage: { promptTokens: 7, completionTokens: 0, totalTokens: 7 } }, tokens: 7, why: 'usage' },
  { result: { inputTextTokenCounts: [3, 4] }, count: 2, tokens: 7, why: 'a count per input' },
  { result: { inputTextTokenCounts: [3, null] }, count: 2, tokens: null, why: 'a count with a hole is none' },
  { result: { inputTextTokenCounts: [3] }, count: 2, tokens: null, why: 'fewer counts than inputs are none' },
  { result: { usage: { promptTokens: 9, totalTokens: 9 }, inputTextTokenCounts: [1] }, tokens: 9, why: 'usage first' },
  { result: {}, tokens: null, why: 'neither' },
];
for (const { result, count = 1, tokens, why } of counted) {
  test(`embed usage: ${why}`, () => {
    const answer = { embeddings: Array.from({ length: count }, () => [1]), ...result };
    const { usage } = fromEmbedResponse(answer, { firstIndex: 0, count, encoding: 'float' });
    assert.equal(usage?.inputTokens ?? null, tokens);
    assert.equal(usage?.outputTokens ?? 0, 0);
  });
}

test('embed usage: a sum with a hole is none', () => {
  const part = { inputTokens: 3, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  assert.equal(sumUsage([part, part])?.inputTokens, 6);
  assert.equal(sumUsage([part, null]), null);
});
