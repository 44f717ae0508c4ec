import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest, ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import { CallId } from '@sluice/shared/ids.ts';
import * as fc from 'fast-check';
import { readWhole } from '../../services/worker/src/providers/oci/chat-format.ts';
import { chatFormats } from '../../services/worker/src/providers/oci/chat-formats.ts';
import { ChatStream } from '../../services/worker/src/providers/oci/chat-stream.ts';
import { chatFamilyOf } from '../../services/worker/src/providers/oci/model-family.ts';
import type { ProviderEvent } from '../../services/worker/src/providers/provider.ts';
import { isCohereRequest } from '../oci-simulator/formats/cohere-request.ts';
import { isCohereV2Request } from '../oci-simulator/formats/cohere-v2-request.ts';
import { isGenericRequest } from '../oci-simulator/formats/generic-request.ts';
import { answerThroughSurface } from './answer-through-surface.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import { deploymentOf } from './open-oci-client.ts';
import { streamedAnswer, wholeAnswer } from './wire-answer.ts';
import type { Choose, MeantAnswer } from './wire-answer.ts';

/** A failure prints its seed and its smallest case; with SLUICE_TEST_SEED it runs again. */
const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 250 };

const formats = [
  { format: 'GENERIC', model: 'support.qwen3-32b', accepts: isGenericRequest, images: true, choicesMax: 3 },
  {
    format: 'GENERIC',
    model: 'meta.llama-4-scout-17b-16e-instruct',
    accepts: isGenericRequest,
    images: true,
    choicesMax: 1,
  },
  { format: 'COHERE', model: 'cohere.command-a-03-2025', accepts: isCohereRequest, images: false, choicesMax: 1 },
  {
    format: 'COHEREV2',
    model: 'cohere.command-a-vision-07-2025',
    accepts: isCohereV2Request,
    images: true,
    choicesMax: 1,
  },
] as const;

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const name = fc.constantFrom('weather', 'time', 'look_up');
const json = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(words, fc.integer(), fc.boolean()), {
  maxKeys: 4,
  noNullPrototype: true,
});

interface Turn {
  readonly said: string;
  readonly image: boolean;
  readonly asArray: boolean;
  readonly calls: readonly {
    readonly name: string;
    readonly arguments: Record<string, unknown>;
    readonly result: string;
  }[];
}
const turn: fc.Arbitrary<Turn> = fc.record({
  said: words,
  image: fc.boolean(),
  asArray: fc.boolean(),
  calls: fc.array(fc.record({ name, arguments: json, result: words }), { maxLength: 3 }),
});
const conversation = fc.record({
  system: fc.option(words),
  turns: fc.array(turn, { minLength: 1, maxLength: 5 }),
  /** Ends with the results of tools, or with a user. */
  endsWithResults: fc.boolean(),
});

for (const { format, model, accepts, images } of formats) {
  test(`property: ${format} for ${model} is sent every text, picture, call, id and argument`, () => {
    const sent = fc.property(conversation, fc.boolean(), ({ system, turns, endsWithResults }, stream) => {
      const made = messagesOf(turns, images, endsWithResults);
      const messages: ChatMessage[] =
        system === null ? [...made.messages] : [{ role: 'system', content: `s:${system}` }, ...made.messages];
      const chatRequest = requestOf(
        model,
        { messages, tools: [{ type: 'function', function: { name: 'weather' } }] },
        stream,
      );
      assert.ok(accepts(chatRequest), 'OCI understands it');

      const strings = stringsIn(chatRequest);
      const isThere = (text: string) => strings.some((string) => string.includes(text));
      for (const text of [...made.texts, ...(system === null ? [] : [`s:${system}`])]) assert.ok(isThere(text), text);
      for (const url of made.images) assert.ok(strings.includes(url), url);
      assert.deepEqual(
        callsIn(format, chatRequest),
        made.calls.map((call) => (format === 'COHERE' ? withoutId(call) : call)),
      );
      if (format !== 'COHERE') {
        const resultIds = messages.flatMap((message) => (message.role === 'tool' ? message.tool_call_id : []));
        assert.deepEqual(valuesOf(chatRequest, 'toolCallId'), resultIds);
      }
    });
    fc.assert(sent, runs);
  });
}

const choice = fc.record({
  reasoning: fc.array(words, { maxLength: 4 }),
  text: fc.array(words, { maxLength: 5 }),
  calls: fc.array(fc.record({ name, arguments: json }), { maxLength: 3 }),
});
const count = fc.nat(100_000);
const counts = fc.record({ prompt: count, written: count, thought: count, cached: count });
const usageStyle = fc.constantFrom('inside' as const, 'outside' as const, 'sparse' as const);
const manner = fc.array(fc.nat(1_000), { minLength: 40, maxLength: 40 });

for (const { format, model, choicesMax } of formats) {
  const meant = fc.record({
    choices: fc.array(choice, { minLength: 1, maxLength: choicesMax }),
    counts,
    usageStyle,
  });

  test(`property: no text, thought, call or count of a ${format} answer by ${model} is lost, whole or streamed`, async () => {
    const kept = fc.asyncProperty(meant, manner, async (made, numbers) => {
      const answer = withIds(made, format);
      const expected = expectedOf(answer);
      for (const stream of [false, true]) {
        const events = stream ? readStream(format, answer, chooser(numbers)) : readAtOnce(format, answer);
        const got = await answerThroughSurface(events, stream);
        assert.deepEqual(comparable(got, format), comparable(expected, format), stream ? 'streamed' : 'whole');
      }
    });
    await fc.assert(kept, runs);
  });
}

interface SentCall {
  readonly id?: unknown;
  readonly name: unknown;
  readonly arguments: unknown;
}

/** Each text begins with a mark of its own, so that none is JSON and none is part of another. */
function messagesOf(turns: readonly Turn[], images: boolean, endsWithResults: boolean) {
  const messages: ChatMessage[] = [];
  const texts: string[] = [];
  const urls: string[] = [];
  const calls: SentCall[] = [];
  const mark = (kind: string, text: string) => {
    const marked = `${kind}${texts.length}:${text}`;
    texts.push(marked);
    return marked;
  };
  for (const [nth, { said, image, asArray, calls: called }] of turns.entries()) {
    const text = mark('u', said);
    const url = `data:image/png;base64,${nth}`;
    if (images && image) {
      urls.push(url);
      messages.push({
        role: 'user',
        content: [
          { type: 'text', text },
          { type: 'image_url', image_url: { url } },
        ],
      });
    } else {
      messages.push({ role: 'user', content: asArray ? [{ type: 'text', text }] : text });
    }
    const isLast = nth === turns.length - 1;
    if (isLast && !(endsWithResults && called.length > 0)) break;
    const made = called.map((call, position) => Object.assign({ id: `call_${nth}_${position}` }, call));
    messages.push({
      role: 'assistant',
      content: asArray && made.length > 0 ? null : mark('a', said),
      ...(made.length > 0 && {
        tool_calls: made.map(({ id, name: called_, arguments: value }) => ({
          id,
          type: 'function' as const,
          function: { name: called_, arguments: JSON.stringify(value) },
        })),
      }),
    });
    for (const { id, name: called_, arguments: value, result } of made) {
      calls.push({ id, name: called_, arguments: value });
      messages.push({ role: 'tool', tool_call_id: id, content: mark('r', result) });
    }
  }
  return { messages, texts, images: urls, calls };
}

function requestOf(model: string, request: Partial<ChatCompletionRequest>, stream: boolean): unknown {
  const family = chatFamilyOf(model);
  const call = {
    callId: CallId.parse('chatcmpl-3b241101-e2bb-4255-8caf-4136c566a962:1'),
    deployment: deploymentOf(model),
    request: { model: 'chat', messages: [], ...request },
    stream,
    outputTokensCap: 100,
    dropParams: false,
    mayBeSent: Promise.resolve(),
    timeouts: { connectMs: 1, firstTokenMs: 1, betweenTokensMs: 1 },
  };
  return JSON.parse(JSON.stringify(chatFormats[family.apiFormat].toRequest(call, family)));
}

/** The calls that the assistant has made, in order, with their arguments as values. */
function callsIn(format: string, chatRequest: unknown): SentCall[] {
  return valuesOf(chatRequest, 'toolCalls')
    .flat()
    .map((call) => {
      if (format === 'COHERE') return { name: Object(call).name, arguments: Object(call).parameters };
      const body = Object(call).function ?? call;
      return { id: Object(call).id, name: Object(body).name, arguments: JSON.parse(String(Object(body).arguments)) };
    });
}

function withoutId({ name: called, arguments: value }: SentCall): SentCall {
  return { name: called, arguments: value };
}

/** The values of every field of this name, in the order of the document. */
function valuesOf(value: unknown, field: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === field ? [inner] : valuesOf(inner, field)));
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

function withIds(
  {
    choices,
    ...rest
  }: Omit<MeantAnswer, 'choices'> & {
    choices: (Omit<MeantAnswer['choices'][number], 'calls'> & {
      calls: { name: string; arguments: Record<string, unknown> }[];
    })[];
  },
  format: string,
): MeantAnswer {
  return {
    ...rest,
    counts: { ...rest.counts, cached: Math.min(rest.counts.cached, rest.counts.prompt) },
    choices: choices.map(({ reasoning, text, calls }, nth) => ({
      reasoning: format === 'COHERE' ? [] : reasoning,
      text,
      calls: calls.map((call, position) => ({ id: `call_${nth}_${position}`, ...call })),
    })),
  };
}

function expectedOf({ choices, counts: { prompt, written, thought, cached } }: MeantAnswer): ClientAnswer {
  return {
    choices: choices.map(({ reasoning, text, calls }) => ({
      text: text.join(''),
      reasoning: reasoning.join(''),
      refusal: '',
      calls: calls.map((call) => ({ ...call, arguments: JSON.stringify(call.arguments) })),
      logProbs: [],
      annotations: [],
      providerFields: {},
      finishReason: calls.length > 0 ? 'tool_calls' : 'stop',
    })),
    usage: {
      prompt_tokens: prompt,
      completion_tokens: written + thought,
      total_tokens: prompt + written + thought,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens_details: { reasoning_tokens: thought },
    },
  };
}

/** COHERE has no ids: ours are only to be different. */
function comparable(answer: ClientAnswer, format: string): ClientAnswer {
  const choices = answer.choices.map((each) => {
    assert.equal(new Set(each.calls.map(({ id }) => id)).size, each.calls.length);
    return { ...each, calls: each.calls.map((call) => (format === 'COHERE' ? { ...call, id: '' } : call)) };
  });
  return { ...answer, choices };
}

function reading() {
  let last = 0;
  return { newToolCallId: () => `minted${(last += 1)}`, topLogProbs: 0 };
}

function readAtOnce(format: (typeof formats)[number]['format'], answer: MeantAnswer): ProviderEvent[] {
  return readWhole(chatFormats[format], wholeAnswer(format, answer), reading());
}

function readStream(format: (typeof formats)[number]['format'], answer: MeantAnswer, choose: Choose): ProviderEvent[] {
  const bytes = streamedAnswer(format, answer, choose);
  const stream = new ChatStream(chatFormats[format].createReader({ ...reading(), isWhole: false }), null);
  const events: ProviderEvent[] = [];
  for (let at = 0; at < bytes.length && stream.state !== 'complete';) {
    const next = at + 1 + choose(90);
    stream.push(bytes.subarray(at, next), events);
    at = next;
  }
  if (stream.state !== 'complete') stream.end(events);
  return events;
}

function chooser(numbers: readonly number[]): Choose {
  let at = 0;
  return (below) => (numbers[at++ % numbers.length] ?? 0) % below;
}
