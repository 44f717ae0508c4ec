import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { ProviderError } from '../../services/worker/src/providers/provider.ts';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import { openOciClient } from './open-oci-client.ts';

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = ['weather', 'time'].map((name) => ({ type: 'function', function: { name, parameters } }));
const prompts: readonly Partial<ChatCompletionRequest>[] = [
  { messages: [{ role: 'user', content: 'Tell me about 水門 🌊' }] },
  { messages: [{ role: 'user', content: 'weather and time in parallel, aloud' }], tools },
];
const models = [
  'meta.llama-3.3-70b-instruct',
  'xai.grok-4',
  'google.gemini-2.5-pro',
  'openai.gpt-oss-120b',
  'openai.gpt-4.1',
  'cohere.command-a-03-2025',
  'cohere.command-a-vision-07-2025',
];

/** Ways in which a provider may put the same stream. */
const manners: readonly Partial<Behaviour>[] = [
  { tokensPerEvent: 5 },
  { bytesPerWrite: 1 },
  { bytesPerWrite: 3, newline: '\r\n' },
  { eventsPerWrite: 1, commentEveryEvents: 2 },
  { done: 'all' },
  { done: 'none' },
  { contentType: 'text/event-stream;charset=UTF-8' },
  { contentType: 'text/event-stream; charset=utf-8' },
  { omitIndex: true },
  { toolFragments: true },
  { cohereTerminalText: 'empty' },
  { holdOpen: true },
  { holdOpen: true, done: 'none' },
  ...(['gzip', 'deflate', 'br', 'zstd'] as const).map((streamEncoding) => ({ streamEncoding, eventsPerWrite: 1 })),
  ...(['gzip', 'zstd'] as const).flatMap((streamEncoding) => [
    { streamEncoding, eventsPerWrite: 1, streamFrames: 'each-write' as const },
    { streamEncoding, eventsPerWrite: 3, streamFrames: 'each-write' as const, bytesPerWrite: 11 },
  ]),
];

for (const model of models) {
  test(`streams: ${model} says the same, however it is put`, async () => {
    await using client = await openOciClient();
    for (const request of prompts) {
      const plain = await client.ask({ model, request });
      for (const behaviour of manners) {
        const { answer, billed } = await client.ask({ model, request, stream: true, behaviour });
        assert.deepEqual(withoutMintedIds(answer), withoutMintedIds(plain.answer), JSON.stringify(behaviour));
        assert.equal(billed.completed, true);
      }
    }
  });

  test(`streams: ${model} that breaks off, compressed or not, is a failure and no answer`, async () => {
    await using client = await openOciClient();
    const [request = {}] = prompts;
    for (const streamEncoding of [null, 'gzip', 'zstd'] as const) {
      for (const cut of [{ endAfterEvents: 3 }, { resetAfterEvents: 3 }, { errorAfterEvents: 3 }]) {
        const behaviour = { ...cut, streamEncoding, eventsPerWrite: 1 };
        await assert.rejects(
          client.ask({ model, request, stream: true, behaviour }),
          (error) => error instanceof ProviderError && error.mayBeBilled,
          JSON.stringify(behaviour),
        );
      }
    }
  });
}

const details: readonly {
  readonly model: string;
  readonly request: Partial<ChatCompletionRequest>;
  readonly behaviour?: Partial<Behaviour>;
  readonly holds: (choice: ClientAnswer['choices'][number]) => boolean;
  readonly what: string;
}[] = [
  {
    model: 'openai.gpt-4.1',
    request: {},
    behaviour: { refuse: true },
    holds: ({ refusal, text }) => refusal !== '' && text === '',
    what: 'a refusal',
  },
  {
    model: 'openai.gpt-4.1',
    request: {},
    behaviour: { citations: true },
    holds: ({ annotations }) => annotations.length === 1,
    what: 'pages that are cited',
  },
  {
    model: 'google.gemini-2.5-pro',
    request: {},
    behaviour: { citations: true },
    holds: ({ providerFields }) => Object.hasOwn(providerFields, 'groundingMetadata'),
    what: 'grounding',
  },
  {
    model: 'cohere.command-a-03-2025',
    request: { documents: [{ title: 'Italy' }] },
    holds: ({ providerFields: { citations } }) => Array.isArray(citations) && citations.length === 1,
    what: 'citations',
  },
  {
    model: 'cohere.command-a-vision-07-2025',
    request: { documents: [{ title: 'Italy' }] },
    holds: ({ providerFields: { citations } }) => Array.isArray(citations) && citations.length === 1,
    what: 'citations',
  },
  {
    model: 'meta.llama-3.3-70b-instruct',
    request: { n: 3, logprobs: true, top_logprobs: 2 },
    holds: ({ logProbs }) => logProbs.length > 0,
    what: 'probabilities of every choice',
  },
  {
    model: 'xai.grok-4',
    request: prompts[1] ?? {},
    holds: ({ text, calls }) => text.startsWith('I will look') && calls.length === 2,
    what: 'text beside tool calls',
  },
];
for (const { model, request, behaviour = {}, holds, what } of details) {
  test(`details: ${what} of ${model}, whole and streamed`, async () => {
    await using client = await openOciClient();
    const whole = await client.ask({ model, request, behaviour });
    const streamed = await client.ask({ model, request, behaviour, stream: true });
    for (const choice of whole.answer.choices) assert.ok(holds(choice), JSON.stringify(choice));
    assert.deepEqual(streamed.answer, whole.answer);
    assert.equal(whole.answer.choices.length, request.n ?? 1);
  });
}

/** The ids of models that give none are ours, and new each time. */
function withoutMintedIds(answer: ClientAnswer): ClientAnswer {
  const isMinted = (id: string) => /^call_[0-9a-f]{24}$/.test(id);
  const choices = answer.choices.map((choice) => ({
    ...choice,
    calls: choice.calls.map((call) => (isMinted(call.id) ? { ...call, id: 'minted' } : call)),
  }));
  return { ...answer, choices };
}
