import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishReasonOf } from '../../../src/providers/chat/finish-reason.ts';
import { readUsage } from '../../../src/providers/oci/usage.ts';

const usages = [
  {
    raw: { promptTokens: 42, completionTokens: 10, totalTokens: 52 },
    usage: [42, 10, 0, 0],
    why: 'Llama: all three add up',
  },
  {
    raw: {
      promptTokens: 13,
      completionTokens: 8,
      totalTokens: 607,
      completionTokensDetails: { reasoningTokens: 586 },
      promptTokensDetails: { cachedTokens: 3 },
    },
    usage: [13, 594, 3, 586],
    why: 'Grok: reasoning is outside completionTokens but is billed',
  },
  {
    raw: { promptTokens: 7, totalTokens: 24, completionTokensDetails: { reasoningTokens: 17 } },
    usage: [7, 17, 0, 17],
    why: 'Gemini: no completionTokens at all',
  },
  {
    raw: {
      promptTokens: 14,
      completionTokens: 200,
      totalTokens: 214,
      completionTokensDetails: { reasoningTokens: 128 },
    },
    usage: [14, 200, 0, 128],
    why: 'OpenAI: reasoning is inside completionTokens',
  },
  { raw: { promptTokens: 7, completionTokens: 2 }, usage: [7, 2, 0, 0], why: 'no total' },
  { raw: { completionTokens: 2, totalTokens: 9 }, usage: [7, 2, 0, 0], why: 'no promptTokens: the rest of the total' },
  { raw: { promptTokens: 5, totalTokens: 5 }, usage: [5, 0, 0, 0], why: 'an embedding' },
  {
    raw: { promptTokens: 5, completionTokens: 3, totalTokens: 1 },
    usage: [5, 3, 0, 0],
    why: 'a total that is too low',
  },
  { raw: { promptTokens: 0, completionTokens: 0, totalTokens: 0 }, usage: [0, 0, 0, 0], why: 'zeros are counts' },
  {
    raw: { promptTokens: 5, completionTokens: 1, promptTokensDetails: { cachedTokens: 9 } },
    usage: [5, 1, 5, 0],
    why: 'not more can be cached than was sent',
  },
  { raw: { promptTokens: '5', completionTokens: -1, totalTokens: 3.7 }, usage: [3, 0, 0, 0], why: 'what is no count' },
  { raw: { promptTokens: null }, usage: null, why: 'nothing counted is not zero' },
  { raw: {}, usage: null, why: 'an empty object' },
  { raw: null, usage: null, why: 'null' },
];
for (const { raw, usage, why } of usages) {
  test(`usage: ${why}`, () => {
    const [inputTokens, outputTokens, cachedInputTokens, reasoningTokens] = usage ?? [];
    const expected = usage && { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
    assert.deepEqual(readUsage(raw), expected);
  });
}

const reasons = [
  { raw: 'stop', calls: false, reason: 'stop' },
  { raw: 'COMPLETE', calls: false, reason: 'stop' },
  { raw: 'STOP_SEQUENCE', calls: false, reason: 'stop' },
  { raw: undefined, calls: false, reason: 'stop' },
  { raw: null, calls: true, reason: 'tool_calls' },
  { raw: 'something new', calls: false, reason: 'stop' },
  { raw: 'length', calls: false, reason: 'length' },
  { raw: 'max_tokens', calls: false, reason: 'length' },
  { raw: 'MAX_TOKENS', calls: true, reason: 'length' },
  { raw: 'tool_calls', calls: true, reason: 'tool_calls' },
  { raw: 'TOOL_CALL', calls: false, reason: 'tool_calls' },
  { raw: 'stop', calls: true, reason: 'tool_calls' },
  { raw: 'COMPLETE', calls: true, reason: 'tool_calls' },
  { raw: 'content_filter', calls: false, reason: 'content_filter' },
  { raw: 'ERROR_TOXIC', calls: false, reason: 'content_filter' },
  { raw: 'ERROR', calls: false, reason: 'error' },
  { raw: 'ERROR_LIMIT', calls: true, reason: 'error' },
  { raw: 'INTERNAL_ERROR', calls: false, reason: 'error' },
];
for (const { raw, calls, reason } of reasons) {
  test(`finish reason: ${raw} ${calls ? 'with' : 'without'} calls is ${reason}`, () =>
    assert.equal(finishReasonOf(raw, calls), reason));
}
