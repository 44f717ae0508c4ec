import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest, ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import { CallId } from '@sluice/shared/ids.ts';
import * as fc from 'fast-check';
import { chatFormats } from '../../services/worker/src/providers/oci/chat-formats.ts';
import { chatFamilyOf } from '../../services/worker/src/providers/oci/model-family.ts';
import { formats, json, name, runs, words } from './arbitrary.ts';
import { deploymentOf } from './open-oci-client.ts';

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
