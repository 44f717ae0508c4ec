import assert from 'node:assert/strict';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { findChatModel } from '../oci-simulator/models.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import { ask, functionTool, onlyChoice, unlessRefused, ways } from './subject.ts';
import type { Cell, Check, Subject } from './subject.ts';

const weather = functionTool('weather');
const time = functionTool('time');

/** What a family can do, by the title of its column. */
export const abilities: Readonly<Record<string, Check>> = {
  text: (subject) => works(subject, false),
  'text streamed': (subject) => works(subject, true),
  tools: (subject) => callsTools(subject, false, 'weather?', [weather, time], ['weather']),
  'tools streamed': (subject) => callsTools(subject, true, 'weather?', [weather, time], ['weather']),
  'parallel tools': async (subject) => {
    for (const stream of ways) {
      await callsTools(subject, stream, 'weather and time in parallel', [weather, time], ['weather', 'time']);
      await callsTools(subject, stream, 'weather in parallel', [weather], ['weather', 'weather']);
    }
    return '✔';
  },
  vision: (subject) => unlessRefused('image_url', () => seesPicture(subject)),
  'JSON schema': answersInSchema,
  reasoning: reasons,
  'usage exact': countsExactly,
  'finish reasons': endsForReasons,
};
async function works(subject: Subject, stream: boolean): Promise<Cell> {
  const messages: ChatCompletionRequest['messages'] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'developer', content: 'Be kind.' },
    { role: 'user', content: 'Tell me about 水門' },
    { role: 'assistant', content: 'They let water through.', reasoning_content: 'A gate.' },
    { role: 'user', content: [{ type: 'text', text: 'And about rivers?' }] },
  ];
  // Some pieces hold several tokens, some writes half of a character.
  const behaviour = { tokensPerEvent: 3, bytesPerWrite: 7 };
  const { answer, billed } = await ask(subject, { request: { messages }, stream, behaviour });
  const other = await ask(subject, { request: { messages }, stream: !stream });
  assert.ok(onlyChoice(answer).text.length > 20);
  assert.deepEqual(answer.choices, other.answer.choices, 'the same, whole and streamed');
  assert.equal(onlyChoice(answer).finishReason, 'stop');
  assert.equal(billed.streamed, stream);
  assert.equal(billed.completed, true);
  return '✔';
}

/** Two rounds: the calls, and an answer from their results, which the model knows by the calls' ids. */
async function callsTools(
  subject: Subject,
  stream: boolean,
  prompt: string,
  tools: ChatCompletionRequest['tools'],
  names: readonly string[],
): Promise<Cell> {
  const asked = { role: 'user' as const, content: prompt };
  const system = { role: 'system' as const, content: 'Use the tools.' };
  for (const toolFragments of ways) {
    const first = await ask(subject, {
      request: { messages: [system, asked], tools },
      stream,
      behaviour: { toolFragments },
    });
    const { calls, finishReason, text } = onlyChoice(first.answer);
    assert.deepEqual(
      calls.map(({ name }) => name),
      names,
    );
    assert.equal(finishReason, 'tool_calls');
    assert.equal(new Set(calls.map(({ id }) => id)).size, names.length, 'each call has an id of its own');
    for (const call of calls) {
      assert.notEqual(call.id, '');
      assert.equal(typeof Object(JSON.parse(call.arguments)).city, 'string');
    }
    const messages: ChatCompletionRequest['messages'] = [
      system,
      asked,
      {
        role: 'assistant',
        content: text === '' ? null : text,
        tool_calls: calls.map(({ id, ...call }) => ({ id, type: 'function', function: call })),
      },
      ...calls.map(({ id }, nth) => ({ role: 'tool' as const, tool_call_id: id, content: `result-${nth}` })),
    ];
    const second = onlyChoice((await ask(subject, { request: { messages, tools }, stream })).answer);
    for (const nth of calls.keys()) assert.match(second.text, new RegExp(`result-${nth}`));
    assert.deepEqual([second.calls, second.finishReason], [[], 'stop']);
  }
  return '✔';
}

async function seesPicture(subject: Subject): Promise<Cell> {
  const picture = { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${'A'.repeat(400)}` } };
  const words = { type: 'text' as const, text: 'What is it?' };
  for (const stream of ways) {
    const plain = await ask(subject, { request: { messages: [{ role: 'user', content: [words] }] }, stream });
    const seen = await ask(subject, { request: { messages: [{ role: 'user', content: [words, picture] }] }, stream });
    assert.ok(seen.billed.promptTokens > plain.billed.promptTokens + 200, 'the picture is in the prompt');
  }
  return '✔';
}

async function answersInSchema(subject: Subject): Promise<Cell> {
  const schema = {
    type: 'object',
    title: 'Place',
    properties: {
      name: { $ref: '#/$defs/name' },
      metres: { anyOf: [{ type: 'integer', exclusiveMinimum: 0 }, { type: 'null' }] },
      tags: { type: ['array', 'null'], items: { type: 'string' } },
    },
    required: ['name', 'metres', 'tags'],
    additionalProperties: false,
    $defs: { name: { type: 'string' } },
  };
  const response_format = { type: 'json_schema' as const, json_schema: { name: 'place', strict: true, schema } };
  for (const stream of ways) {
    const { answer } = await ask(subject, { request: { response_format }, stream });
    const place: unknown = JSON.parse(onlyChoice(answer).text);
    assert.deepEqual(
      Object.entries(Object(place)).map(([name, value]) => [name, Array.isArray(value) ? 'list' : typeof value]),
      [
        ['name', 'string'],
        ['metres', 'number'],
        ['tags', 'list'],
      ],
    );
  }
  return '✔';
}

/** Tokens that were thought are counted, and shown where the model shows them. */
async function reasons(subject: Subject): Promise<Cell> {
  const { reasoning, rules } = simulated(subject);
  if (reasoning === 'none') {
    const cell = await unlessRefused('reasoning_effort', () => takesEffort(subject));
    assert.equal(cell, '—', 'a model that does not think takes no effort');
    return cell;
  }
  const answers: ClientAnswer[] = [];
  for (const stream of ways) {
    const { answer, billed } = await ask(subject, { request: {}, stream, behaviour: { reasoningTokens: 9 } });
    assert.equal(billed.reasoningTokens, 9);
    assert.equal(onlyChoice(answer).reasoning !== '', reasoning === 'shown');
    if (rules.usage !== 'plain') assert.equal(reasoningTokensOf(answer), 9);
    answers.push(answer);
  }
  assert.deepEqual(answers[0]?.choices, answers[1]?.choices, 'the same, whole and streamed');
  return '✔';
}

async function takesEffort(subject: Subject): Promise<Cell> {
  await ask(subject, { request: { reasoning_effort: 'low' } });
  return '✔';
}

/** The counts are those that OCI charges for, thoughts and cached tokens included, also without any text. */
async function countsExactly(subject: Subject): Promise<Cell> {
  const behaviour = { reasoningTokens: 11, cachedTokens: 2 };
  for (const stream of ways) {
    for (const maxTokens of [400, 11, 3]) {
      const { answer, billed } = await ask(subject, { request: {}, stream, maxTokens, behaviour });
      assert.equal(answer.usage?.prompt_tokens, billed.promptTokens);
      assert.equal(answer.usage?.completion_tokens, billed.completionTokens);
      assert.equal(answer.usage?.total_tokens, billed.promptTokens + billed.completionTokens);
      assert.deepEqual(Object(answer.usage)['prompt_tokens_details'], { cached_tokens: billed.cachedTokens });
      if (simulated(subject).rules.usage !== 'plain') assert.equal(reasoningTokensOf(answer), billed.reasoningTokens);
    }
  }
  return '✔';
}

const finishWords = {
  GENERIC: { content_filter: 'content_filter', SAFETY: 'content_filter', error: 'error', stop: 'stop' },
  COHERE: { ERROR_TOXIC: 'content_filter', ERROR_LIMIT: 'error', USER_CANCEL: 'stop' },
  COHEREV2: { ERROR: 'error', STOP_SEQUENCE: 'stop' },
} as const;

async function endsForReasons(subject: Subject): Promise<Cell> {
  const [format = 'GENERIC'] = simulated(subject).formats;
  for (const stream of ways) {
    const cut = await ask(subject, { request: {}, stream, maxTokens: 3 });
    assert.equal(onlyChoice(cut.answer).finishReason, 'length');
    for (const [finishWord, reason] of Object.entries(finishWords[format])) {
      const { answer } = await ask(subject, { request: {}, stream, behaviour: { finishWord } });
      assert.equal(onlyChoice(answer).finishReason, reason, finishWord);
    }
  }
  return '✔';
}
function simulated({ model }: Subject) {
  return findChatModel(model) ?? assert.fail(`the simulator does not know ${model}`);
}
function reasoningTokensOf({ usage }: ClientAnswer): unknown {
  return Object(usage)['completion_tokens_details']['reasoning_tokens'];
}
