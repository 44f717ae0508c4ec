import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import { fromRerankResponse } from '../../../src/providers/oci/rerank/from-rerank-response.ts';
import { toRerankRequest } from '../../../src/providers/oci/rerank/to-rerank-request.ts';
import { asSent, deploymentOf, sampleCallId } from './fixtures.ts';

function sent(request: Partial<RerankRequest>, dropParams = false): unknown {
  return asSent(
    toRerankRequest({
      callId: sampleCallId,
      deployment: deploymentOf('cohere.rerank.v3-5'),
      request: { model: 'rank', query: 'q', documents: ['a', 'b'], ...request },
      dropParams,
      mayBeSent: Promise.resolve(),
      timeouts: { connectMs: 1, firstTokenMs: 1, betweenTokensMs: 1 },
    }),
  );
}

const plain = { input: 'q', documents: ['a', 'b'], isEcho: false };
const requests: readonly { request: Partial<RerankRequest>; is: object; why: string }[] = [
  { request: {}, is: plain, why: 'the least' },
  { request: { return_documents: true, user: 'u' }, is: plain, why: 'documents are not echoed: we have them' },
  {
    request: { top_n: 1, max_chunks_per_doc: 2, max_tokens_per_doc: 3 },
    is: { ...plain, topN: 1, maxChunksPerDocument: 2, maxTokensPerDocument: 3 },
    why: 'all that OCI knows',
  },
  { request: { top_n: 9 }, is: { ...plain, topN: 2 }, why: 'no more than there are' },
  {
    request: { documents: [{ title: 'T', body: 'B' }, 'b'], rank_fields: ['body'] },
    is: { ...plain, documents: ['body: B', 'b'] },
    why: 'objects as text',
  },
];
for (const { request, is, why } of requests) {
  test(`rerank request: ${why}`, () => assert.deepEqual(sent(request), is));
}

test('rerank request: what nobody knows is refused, or dropped', () => {
  assert.throws(() => sent({ instruction: 'be fair' }), { code: 'unsupported_parameter', param: 'instruction' });
  assert.deepEqual(sent({ instruction: 'be fair' }, true), plain);
});

test('rerank answer: the best first, and counts where there are any', () => {
  const documentRanks = [
    { index: 1, relevanceScore: 0.2 },
    { index: 0, relevanceScore: 0.9, document: { text: 'a' } },
  ];
  const ranks = [
    { type: 'rank', index: 0, score: 0.9 },
    { type: 'rank', index: 1, score: 0.2 },
  ];
  assert.deepEqual(fromRerankResponse({ id: 'x', documentRanks }, 2), ranks);
  const counted = fromRerankResponse({ documentRanks, usage: { promptTokens: 7, totalTokens: 7 } }, 2);
  const usage = { inputTokens: 7, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  assert.deepEqual(counted, [...ranks, { type: 'usage', usage }]);
});

const broken: readonly { documentRanks?: unknown; why: string }[] = [
  { why: 'no ranks' },
  { documentRanks: [], why: 'an empty list of them' },
  { documentRanks: [{ index: 2, relevanceScore: 1 }], why: 'a document that was not sent' },
  { documentRanks: [{ index: -1, relevanceScore: 1 }], why: 'a negative index' },
  { documentRanks: [{ index: 0 }], why: 'no score' },
  { documentRanks: [{ index: 0, relevanceScore: '1' }], why: 'a score that is no number' },
  {
    documentRanks: [
      { index: 0, relevanceScore: 1 },
      { index: 0, relevanceScore: 0.5 },
    ],
    why: 'one document twice',
  },
];
for (const { why, ...result } of broken) {
  test(`rerank answer: ${why} is broken, and may be billed`, () =>
    assert.throws(() => fromRerankResponse(result, 2), { code: 'provider_bad_gateway', mayBeBilled: true }));
}
