import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { ProviderError } from '../../services/worker/src/providers/provider.ts';
import { findChatModel } from '../oci-simulator/models.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import type { Ask, Asked, OciClient } from './open-oci-client.ts';

/** `✔`: it works, as shown. `—`: the family cannot; a 400 that names the parameter says so. */
export type Cell = '✔' | '—';

export interface Subject {
  readonly client: OciClient;
  readonly model: string;
  readonly dedicated: boolean;
}

/** Tries one ability with a model. @throws AssertionError when it neither works nor is refused by name */
export type Check = (subject: Subject) => Promise<Cell>;

const weather = functionTool('weather');
const time = functionTool('time');
const ways = [false, true] as const;

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

/** A value of each parameter that every model which knows the parameter takes, and what it is on OCI's wire. */
const samples: Readonly<Record<string, { request: Partial<ChatCompletionRequest>; sent: readonly object[] }>> = {
  temperature: { request: { temperature: 0.5 }, sent: [{ temperature: 0.5 }] },
  top_p: { request: { top_p: 0.5 }, sent: [{ topP: 0.5 }] },
  top_k: { request: { top_k: 20 }, sent: [{ topK: 20 }] },
  seed: { request: { seed: 7 }, sent: [{ seed: 7 }] },
  stop: { request: { stop: 'the end' }, sent: [{ stop: ['the end'] }, { stopSequences: ['the end'] }] },
  n: { request: { n: 2 }, sent: [{ numGenerations: 2 }] },
  frequency_penalty: { request: { frequency_penalty: 0.5 }, sent: [{ frequencyPenalty: 0.5 }] },
  presence_penalty: { request: { presence_penalty: 0.5 }, sent: [{ presencePenalty: 0.5 }] },
  logit_bias: { request: { logit_bias: { '7': -1 } }, sent: [{ logitBias: { '7': -1 } }] },
  logprobs: { request: { logprobs: true }, sent: [{ logProbs: 1 }, { isLogProbsEnabled: true }] },
  top_logprobs: { request: { logprobs: true, top_logprobs: 3 }, sent: [{ logProbs: 3 }] },
  tool_choice: {
    request: { tools: [weather], tool_choice: 'required' },
    sent: [{ toolChoice: { type: 'REQUIRED' } }, { toolsChoice: 'REQUIRED' }],
  },
  parallel_tool_calls: {
    request: { tools: [weather], parallel_tool_calls: false },
    sent: [{ isParallelToolCalls: false }],
  },
  reasoning_effort: {
    request: { reasoning_effort: 'low' },
    sent: [{ reasoningEffort: 'LOW' }, { thinking: { type: 'ENABLED', tokenBudget: 400 } }],
  },
  verbosity: { request: { verbosity: 'low' }, sent: [{ verbosity: 'LOW' }] },
};

/** Whether each parameter reaches the model, whole and streamed; and that it can be dropped where it does not. */
export const parameters: Readonly<Record<string, Check>> = Object.fromEntries(
  Object.entries(samples).map(([name, { request, sent }]) => [
    name,
    async (subject: Subject) => {
      const names = name === 'top_logprobs' ? ['top_logprobs', 'logprobs'] : [name];
      const cell = await unlessRefused(names, async () => {
        for (const stream of ways) {
          const asked = await ask(subject, { request, stream });
          assert.ok(
            sent.some((fields) => has(asked.chatRequest, fields)),
            'it is sent',
          );
          isHonoured(name, asked);
        }
        return '✔';
      });
      if (cell === '✔') return cell;
      const { chatRequest } = await ask(subject, { request, dropParams: true });
      assert.ok(!sent.some((fields) => has(chatRequest, fields)), 'it is dropped');
      return cell;
    },
  ]),
);

function has(chatRequest: object, fields: object): boolean {
  const sent = new Map(Object.entries(chatRequest));
  return Object.entries(fields).every(([name, value]) => isDeepStrictEqual(sent.get(name), value));
}

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

/** The traces that a parameter leaves in the answer, for those that leave any. */
function isHonoured(name: string, { answer }: Asked): void {
  const { text, calls, logProbs } = answer.choices[0] ?? assert.fail('no choice');
  switch (name) {
    case 'n':
      assert.equal(answer.choices.length, 2);
      assert.notEqual(answer.choices[1]?.text, text);
      return;
    case 'logprobs':
    case 'top_logprobs': {
      assert.equal(logProbs.map(({ token }) => token).join(''), text, 'the tokens are the text');
      const wanted = name === 'top_logprobs' ? 3 : 0;
      for (const token of logProbs) {
        assert.ok(token.logprob < 0);
        assert.equal(Object(token)['top_logprobs'].length, wanted);
      }
      return;
    }
    case 'tool_choice':
      assert.equal(calls.length, 1);
      return;
    default:
      assert.notEqual(text, '');
  }
}

/** @param names any of them may be the one that is named */
async function unlessRefused(names: string | readonly string[], attempt: () => Promise<Cell>): Promise<Cell> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof ProviderError) || error.code !== 'unsupported_parameter') throw error;
    assert.equal(error.status, 400);
    assert.ok(error.param !== null && [names].flat().includes(error.param), `the 400 names ${error.param}`);
    return '—';
  }
}

function ask({ client, model, dedicated }: Subject, what: Omit<Ask, 'model' | 'dedicated'>): Promise<Asked> {
  return client.ask({ model, dedicated, ...what });
}

function simulated({ model }: Subject) {
  return findChatModel(model) ?? assert.fail(`the simulator does not know ${model}`);
}

function onlyChoice({ choices }: ClientAnswer): ClientAnswer['choices'][number] {
  assert.equal(choices.length, 1);
  return choices[0] ?? assert.fail();
}

function reasoningTokensOf({ usage }: ClientAnswer): unknown {
  return Object(usage)['completion_tokens_details']['reasoning_tokens'];
}

function functionTool(name: string) {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', exclusiveMinimum: 0 } },
    required: ['city'],
  };
  return { type: 'function', function: { name, description: `The ${name} of a city`, parameters: schema } };
}
