import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenFrame, tokenFrameCodec } from '../../src/contracts/token-event.ts';

const usage = { inputTokens: 7, outputTokens: 2, cachedInputTokens: 0, reasoningTokens: 0 };
const start = {
  type: 'answer-start',
  model: 'oci/xai.grok-4',
  alias: 'grok',
  deploymentId: 'deployment',
  apiBase: 'https://provider',
  region: null,
  retries: 0,
  fallbacks: 0,
  maxRetries: 2,
  maxFallbacks: 5,
  fallbackErrors: [{ code: 'provider_failed', message: 'no', param: null }],
  providerHeaders: { 'opc-request-id': 'opc' },
  queueMs: 1.5,
};
const { fallbackErrors: _, ...plainStart } = start;
const events: Record<string, unknown>[] = [
  { type: 'text-delta', choice: 0, text: 'Hi' },
  { type: 'tool-call-delta', choice: 0, toolCall: 0, id: 'call', name: 'f', arguments: '{}' },
  { type: 'choice-end', choice: 0, finishReason: 'stop' },
  start,
  plainStart,
  { ...plainStart, region: 'eu-frankfurt-1' },
  { type: 'answer-end', usage, costNanoUsd: 9 },
  { type: 'answer-end', usage: { ...usage, searchUnits: 1 }, costNanoUsd: 9, billedNanoUsd: 10 },
  { type: 'answer-error', code: 'internal', message: 'no', param: null, retryAfterSeconds: null },
];
const frame = { version: 1, requestId: 'chatcmpl-12345678', attempt: 1, seq: 0, events };

const values = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  '',
  'words',
  'stop',
  'text-delta',
  [],
  ['words'],
  {},
  { a: 'b' },
  { a: 1 },
];
/** The same with one member that is missing, another, or more. */
function* variantsOf(members: Readonly<Record<string, unknown>>): Generator<Record<string, unknown>> {
  for (const name of Object.keys(members)) {
    const { [name]: _gone, ...rest } = members;
    yield rest;
    for (const value of values) yield { ...members, [name]: value };
  }
  yield { ...members, unknown: 'of a newer worker' };
}

function* frames(): Generator {
  yield* [frame, ...variantsOf(frame), null, [], 'words'];
  const withUsage = [...variantsOf({ ...usage, searchUnits: 1 })].map((odd) => ({ ...events[6], usage: odd }));
  for (const event of [...events.flatMap((each) => [each, ...variantsOf(each)]), ...withUsage, ...values]) {
    yield { ...frame, events: [event] };
  }
}

test('frames: what is read quickly is read as the schema reads it', () => {
  for (const value of frames()) {
    const bytes = Buffer.from(JSON.stringify(value));
    const parsed = TokenFrame.safeParse(value);
    if (!parsed.success) assert.throws(() => tokenFrameCodec.decode(bytes), `taken: ${JSON.stringify(value)}`);
    else assert.deepEqual(tokenFrameCodec.decode(bytes).events, parsed.data.events);
  }
});
