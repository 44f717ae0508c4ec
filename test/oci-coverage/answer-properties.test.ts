import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readWhole } from '../../services/worker/src/providers/chat/chat-event-reader.ts';
import { chatFormats } from '../../services/worker/src/providers/oci/chat-formats.ts';
import { ChatStream } from '../../services/worker/src/providers/chat/chat-stream.ts';
import { parseExactly } from '../../services/worker/src/providers/http/exact-json.ts';
import { ociFailures } from '../../services/worker/src/providers/oci/errors.ts';
import type { ApiFormat } from '../../services/worker/src/providers/oci/model-family.ts';
import { isJsonObject } from '../../packages/shared/src/json-object.ts';
import type { ProviderEvent } from '../../services/worker/src/providers/provider.ts';
import { answerThroughSurface } from './answer-through-surface.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import { jsonObject, name, runs, text } from './arbitrary.ts';
import { delivered } from './delivered.ts';
import { streamedAnswer, wholeAnswer } from './wire-answer.ts';
import type { Choose, MeantAnswer, MeantChoice } from './wire-answer.ts';

/** Every word for an end, and OpenAI's for it, which a call decides where the model says no more than that it ended. */
const finishReasons: Readonly<Record<ApiFormat, Readonly<Record<string, string>>>> = {
  GENERIC: {
    stop: 'stop',
    STOP: 'stop',
    length: 'length',
    MAX_TOKENS: 'length',
    tool_calls: 'tool_calls',
    content_filter: 'content_filter',
    SAFETY: 'content_filter',
    error: 'error',
  },
  COHERE: {
    COMPLETE: 'stop',
    USER_CANCEL: 'stop',
    MAX_TOKENS: 'length',
    ERROR_TOXIC: 'content_filter',
    ERROR_LIMIT: 'error',
  },
  COHEREV2: {
    COMPLETE: 'stop',
    STOP_SEQUENCE: 'stop',
    MAX_TOKENS: 'length',
    TOOL_CALL: 'tool_calls',
    ERROR: 'error',
  },
};

const count = fc.nat(100_000);
const counts = fc
  .record({ prompt: count, written: count, thought: count, cached: count })
  .map((made) => Object.assign(made, { cached: Math.min(made.cached, made.prompt) }));
/** What decides how a vendor puts an answer, and where the network cuts it. */
const manner = fc.array(fc.nat(1_000), { minLength: 40, maxLength: 40 });

for (const { format, choicesMax } of [
  { format: 'GENERIC', choicesMax: 1 },
  { format: 'GENERIC', choicesMax: 4 },
  { format: 'COHERE', choicesMax: 1 },
  { format: 'COHEREV2', choicesMax: 1 },
] as const) {
  const meant: fc.Arbitrary<MeantAnswer> = fc.record({
    choices: fc.array(choiceOf(format), { minLength: 1, maxLength: choicesMax }),
    counts,
    usageStyle: fc.constantFrom('inside', 'outside', 'sparse'),
  });

  test(`property: a client is given all of a ${format} answer of up to ${choicesMax} choices, whole and streamed`, async () => {
    const kept = fc.asyncProperty(meant, manner, async (answer, numbers) => {
      const choose = chooser(numbers);
      const expected = expectedOf(answer, format);
      for (const stream of [false, true]) {
        const events = stream ? await readStream(format, answer, choose) : await readAtOnce(format, answer, choose);
        const got = await answerThroughSurface(events, stream);
        assert.deepEqual(comparable(got, answer), expected, stream ? 'streamed' : 'whole');
      }
    });
    await fc.assert(kept, runs(80));
  });
}

function choiceOf(format: ApiFormat): fc.Arbitrary<MeantChoice> {
  const isCohere = format === 'COHERE';
  const call = fc.record({ name, arguments: fc.oneof({ weight: 9, arbitrary: jsonObject }, fc.constant('')) });
  const made = fc.record({
    reasoning: fc.array(text, { maxLength: isCohere ? 0 : 4 }),
    text: fc.array(text, { maxLength: 5 }),
    hasLogProbs: fc.boolean(),
    refusal: format === 'GENERIC' ? fc.oneof(fc.constant(''), text) : fc.constant(''),
    calls: fc.array(call, { maxLength: 3 }),
    hasIds: fc.boolean(),
    finishWord: fc.constantFrom(...Object.keys(finishReasons[format])),
  });
  return made.map(({ hasLogProbs, hasIds, calls, ...choice }) => ({
    ...choice,
    logProbs: isCohere || !hasLogProbs ? [] : choice.text.map((_, at) => -(at + 1) / 8),
    calls: calls.map(({ name: called, arguments: json }, nth) =>
      // Without ids and without arguments, two calls of the same function are one.
      hasIds && !isCohere
        ? { id: `call_${nth}`, name: called, arguments: json }
        : { id: null, name: called, arguments: json || '{}' },
    ),
  }));
}

function expectedOf({ choices, counts: { prompt, written, thought, cached } }: MeantAnswer, format: ApiFormat) {
  return {
    choices: choices.map(({ reasoning, text: texts, logProbs, refusal, calls, finishWord }) => {
      const reason = finishReasons[format][finishWord];
      return {
        text: texts.join(''),
        reasoning: reasoning.join(''),
        refusal,
        calls: calls.map(({ id, name: called, arguments: json }) => ({
          id: id ?? 'ours',
          name: called,
          arguments: json || '{}',
        })),
        logProbs: logProbs.map((logprob, at) => ({ token: texts[at], logprob })),
        annotations: [],
        providerFields: {},
        finishReason: reason === 'stop' && calls.length > 0 ? 'tool_calls' : reason,
      };
    }),
    usage: {
      prompt_tokens: prompt,
      completion_tokens: written + thought,
      total_tokens: prompt + written + thought,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens_details: { reasoning_tokens: thought },
    },
  };
}

/** Of ids that are ours, only that they differ. */
function comparable(answer: ClientAnswer, meant: MeantAnswer) {
  const choices = answer.choices.map((each, nth) => {
    assert.equal(new Set(each.calls.map(({ id }) => id)).size, each.calls.length, 'each call has an id of its own');
    const isOurs = meant.choices[nth]?.calls.some(({ id }) => id === null) === true;
    return {
      ...each,
      calls: each.calls.map((call) => ({ ...call, id: isOurs ? 'ours' : call.id })),
      logProbs: each.logProbs.map(({ token, logprob }) => ({ token, logprob })),
    };
  });
  return { ...answer, choices };
}

function reading() {
  let last = 0;
  return { newToolCallId: () => `minted${(last += 1)}`, topLogProbs: 0 };
}

async function readAtOnce(format: ApiFormat, answer: MeantAnswer, choose: Choose): Promise<ProviderEvent[]> {
  const pieces: Buffer[] = [];
  const body = Buffer.from(JSON.stringify(wholeAnswer(format, answer)));
  await delivered(body, choose, (bytes) => pieces.push(bytes));
  const received = parseExactly(Buffer.concat(pieces).toString());
  assert.ok(isJsonObject(received));
  return readWhole(chatFormats[format].createReader({ ...reading(), isWhole: true }), received);
}

async function readStream(format: ApiFormat, answer: MeantAnswer, choose: Choose): Promise<ProviderEvent[]> {
  const stream = new ChatStream(chatFormats[format].createReader({ ...reading(), isWhole: false }), ociFailures, null);
  const events: ProviderEvent[] = [];
  await delivered(streamedAnswer(format, answer, choose), choose, (bytes) => stream.push(bytes, events));
  if (stream.state !== 'complete') stream.end(events);
  return events;
}

function chooser(numbers: readonly number[]): Choose {
  let at = 0;
  return (below) => (numbers[at++ % numbers.length] ?? 0) % below;
}
