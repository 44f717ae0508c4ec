import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { Behaviour, Fault } from '../../../../../test/oci-simulator/behaviour.ts';
import type { BilledCall } from '../../../../../test/oci-simulator/billing.ts';
import { waitUntil } from '../../../../../test/servers/wait-until.ts';
import { ProviderError } from '../../../src/providers/provider.ts';
import type { ChatCall, Provider } from '../../../src/providers/provider.ts';
import { assemble, sampleCallId } from '../oci/fixtures.ts';
import { collect, failureOf, outcomeOf } from './collect.ts';

/** An adapter in front of a simulator of its provider. */
export interface ProviderUnderTest extends AsyncDisposable {
  readonly provider: Provider;
  readonly deployment: Deployment;
  /** The same deployment with an identity that the provider does not know. */
  readonly stranger: Deployment;
  /** The same with a model that shows what it thinks. */
  readonly thinker: Deployment;
  readonly simulator: {
    billed(): readonly BilledCall[];
    setBehaviour(behaviour: Partial<Behaviour>): void;
    enqueueFaults(faults: readonly Fault[]): void;
    callsInFlight(): number;
  };
}

export interface ProviderTraits {
  /** As LiteLLM names the provider's failures. */
  readonly exception: string;
  /** What must be in no message. */
  readonly secrets: readonly string[];
}

const never = new AbortController().signal;
const tools: ChatCompletionRequest['tools'] = ['weather', 'time'].map((name) => ({
  type: 'function',
  function: {
    name,
    description: `Tells the ${name}.`,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}));

/** What every adapter of a provider keeps, whichever protocol it speaks. */
export function providerConformance(
  name: string,
  open: () => Promise<ProviderUnderTest>,
  { exception, secrets }: ProviderTraits,
): void {
  const guarantee = (what: string, run: (at: Opened) => Promise<void>): void =>
    void test(`${name}: ${what}`, async () => {
      await using at = await open();
      await run({
        ...at,
        chat: (text, options = {}, request = {}) =>
          at.provider.chat(callOf(at.deployment, text, options, request), never),
        callOf: (text, options = {}, request = {}) => callOf(at.deployment, text, options, request),
      });
    });

  for (const stream of [false, true]) {
    const how = stream ? 'streamed' : 'whole';

    guarantee(`${how}: accepted first, the text, one end, the usage that is billed`, async ({ chat, simulator }) => {
      simulator.setBehaviour({ outputTokens: 24, cachedTokens: 3 });
      const events = await collect(chat('Hello.', { stream }));
      assert.equal(events[0]?.type, 'accepted');
      assert.equal(events.filter(({ type }) => type === 'accepted').length, 1);
      const { choices, usage } = assemble(events);
      assert.equal(choices.length, 1);
      assert.match(choices[0]?.text ?? '', /\w.*\.$/);
      assert.equal(choices[0]?.finishReason, 'stop');
      const billed = await billedOf(simulator);
      assert.deepEqual(usage, usageOf(billed));
      assert.equal(billed.completed, true);
      const accepted = events[0];
      assert.equal(accepted?.type === 'accepted' && accepted.providerRequestId, billed.callId);
    });

    guarantee(`${how}: tool calls side by side, and an answer to their results`, async ({ chat, simulator }) => {
      const question = 'Use your tools in parallel.';
      const { choices } = assemble(await collect(chat(question, { stream }, { tools, tool_choice: 'required' })));
      const calls = choices[0]?.toolCalls ?? [];
      assert.deepEqual(
        calls.map(({ name: called, arguments: json }) => [called, typeof Object(JSON.parse(json)).city]),
        [
          ['weather', 'string'],
          ['time', 'string'],
        ],
      );
      assert.equal(choices[0]?.finishReason, 'tool_calls');
      assert.equal(new Set(calls.map(({ id }) => id)).size, 2);

      const messages: ChatCompletionRequest['messages'] = [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: question },
        {
          role: 'assistant',
          content: choices[0]?.text || null,
          tool_calls: calls.map(({ id = '', name: called = '', arguments: json }) => ({
            id,
            type: 'function',
            function: { name: called, arguments: json },
          })),
        },
        ...calls.map(({ id = '', name: called }) => ({
          role: 'tool' as const,
          tool_call_id: id,
          content: `${called} is fine`,
        })),
      ];
      const answer = assemble(await collect(chat('', { stream }, { tools, messages })));
      assert.equal(answer.choices[0]?.text, 'The tool answered: weather is fine; time is fine');
      assert.equal(simulator.billed().length, 2);
    });

    guarantee(`${how}: the token limit holds`, async ({ chat, simulator }) => {
      simulator.setBehaviour({ outputTokens: 500 });
      const { choices, usage } = assemble(await collect(chat('Hello.', { stream, outputTokensCap: 7 })));
      assert.equal(choices[0]?.finishReason, 'length');
      assert.equal(Object(usage).outputTokens, 7);
    });

    for (const { status, code, litellm } of refusals) {
      guarantee(`${how}: ${status} is ${code}, not billed`, async ({ chat, simulator }) => {
        simulator.enqueueFaults([{ behaviour: { fail: { status, message: 'No.', retryAfterS: 7 } } }]);
        const error = await failureOf(chat('Hello.', { stream }));
        assert.deepEqual([error.code, error.status, error.retryAfterSeconds], [code, status, 7]);
        assert.ok(error.message.startsWith(`litellm.${litellm}: ${exception} - `), error.message);
        assert.equal(error.mayBeBilled, false);
        assert.equal(typeof error.providerRequestId, 'string');
        assert.ok(code in errorCatalog);
        assert.equal(simulator.billed().length, 0);
      });
    }

    guarantee(`${how}: an error page of a proxy is a failure of its status`, async ({ chat, simulator }) => {
      simulator.enqueueFaults([{ behaviour: { fail: { status: 502, message: 'Bad gateway', html: true } } }]);
      const error = await failureOf(chat('Hello.', { stream }));
      assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_gateway', true]);
    });

    guarantee(
      `${how}: silence before the answer is a timeout, which may be billed`,
      async ({ callOf: make, provider, simulator }) => {
        simulator.setBehaviour({ delayMs: 60_000 });
        const timeouts = { connectMs: 1000, firstTokenMs: 60, betweenTokensMs: 10_000 };
        const error = await failureOf(provider.chat(make('Hello.', { stream, timeouts }), never));
        assert.deepEqual([error.code, error.mayBeBilled], ['provider_timeout', true]);
        assert.ok(error.message.startsWith(`litellm.Timeout: ${exception} - `), error.message);
        await noneInFlight(simulator);
      },
    );

    guarantee(
      `${how}: aborting closes the upstream connection, and throws the reason`,
      async ({ callOf: make, provider, simulator }) => {
        simulator.setBehaviour(stream ? { stallAfterEvents: 4 } : { delayMs: 60_000 });
        const stop = new AbortController();
        const ended = outcomeOf(provider.chat(make('Hello.', { stream }), stop.signal));
        await waitUntil(() => simulator.callsInFlight() === 1, { what: 'the call to arrive' });
        stop.abort('client-gone');
        assert.equal((await ended).error, 'client-gone');
        await noneInFlight(simulator);
        assert.equal((await billedOf(simulator)).completed, false);
      },
    );

    guarantee(`${how}: a connection that breaks before the answer is said to`, async ({ chat, simulator }) => {
      simulator.enqueueFaults([{ behaviour: { drop: true } }]);
      const error = await failureOf(chat('Hello.', { stream }));
      assert.deepEqual([error.code, error.mayBeBilled], ['provider_unreachable', true]);
    });

    guarantee(`${how}: nothing is sent before it may be`, async ({ callOf: make, provider, simulator }) => {
      const refused = Promise.reject(new Error('not noted'));
      refused.catch(() => undefined);
      const { error } = await outcomeOf(provider.chat(make('Hello.', { stream, mayBeSent: refused }), never));
      assert.ok(error instanceof Error);
      assert.ok(!(error instanceof ProviderError && error.mayBeBilled));
      assert.equal(simulator.billed().length, 0);

      const allowed = Promise.withResolvers<void>();
      const waiting = outcomeOf(provider.chat(make('Wait.', { stream, mayBeSent: allowed.promise }), never));
      const stop = new AbortController();
      const stopped = outcomeOf(provider.chat(make('Stop.', { stream, mayBeSent: allowed.promise }), stop.signal));
      await collect(provider.chat(make('Go.', { stream }), never));
      await waitUntil(() => simulator.billed().length === 1, { what: 'the call that need not wait' });
      stop.abort('client-gone');
      allowed.resolve();
      assert.equal((await waiting).error, null);
      assert.equal((await stopped).error, 'client-gone');
      await waitUntil(() => simulator.billed().length === 2, { what: 'the call that waited' });
    });

    guarantee(`${how}: what the model thinks is apart from the text, and counted`, async (at) => {
      at.simulator.setBehaviour({ outputTokens: 12, reasoningTokens: 9 });
      const call = at.callOf('Hello.', { stream, outputTokensCap: 4000 }, { reasoning_effort: 'high' });
      const events = await collect(at.provider.chat({ ...call, deployment: at.thinker }, never));
      const { choices, usage } = assemble(events);
      assert.match(choices[0]?.reasoning ?? '', /\w/);
      assert.match(choices[0]?.text ?? '', /\w/);
      assert.ok(!choices[0]?.text.includes(choices[0].reasoning));
      assert.deepEqual(usage, usageOf(await billedOf(at.simulator)));
      assert.equal(Object(usage).reasoningTokens, 9);
    });
  }

  guarantee('whole: half of a JSON is a broken answer, which may be billed', async ({ chat, simulator }) => {
    simulator.enqueueFaults([{ behaviour: { truncatedJson: true } }]);
    const error = await failureOf(chat('Hello.'));
    assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_gateway', true]);
  });

  guarantee('streamed: the answer does not depend on where the bytes are cut', async ({ chat, simulator }) => {
    simulator.setBehaviour({ outputTokens: 90, tokensPerEvent: 30 });
    const plain = assemble(await collect(chat('東京 👋', { stream: true })));
    assert.match(plain.choices[0]?.text ?? '', /[^ -~]/);
    for (const bytesPerWrite of [1, 3, 7]) {
      simulator.setBehaviour({ outputTokens: 90, tokensPerEvent: 30, bytesPerWrite });
      assert.deepEqual(assemble(await collect(chat('東京 👋', { stream: true }))), plain, `${bytesPerWrite} at a time`);
    }
  });

  guarantee('streamed: comments, CRLF and events of one token change nothing', async ({ chat, simulator }) => {
    simulator.setBehaviour({ outputTokens: 40 });
    const plain = assemble(await collect(chat('Hello.', { stream: true })));
    simulator.setBehaviour({ outputTokens: 40, commentEveryEvents: 1, newline: '\r\n', eventsPerWrite: 1 });
    assert.deepEqual(assemble(await collect(chat('Hello.', { stream: true }))), plain);
    simulator.setBehaviour({ outputTokens: 40, holdOpen: true, tokensPerEvent: 9 });
    assert.deepEqual(assemble(await collect(chat('Hello.', { stream: true }))), plain);
  });

  const cuts: readonly { what: string; behaviour: Partial<Behaviour>; codes: readonly string[] }[] = [
    { what: 'reset', behaviour: { resetAfterEvents: 6 }, codes: ['provider_bad_gateway'] },
    { what: 'ended without a finish', behaviour: { endAfterEvents: 6 }, codes: ['provider_bad_gateway'] },
    {
      what: 'ended by an error event',
      behaviour: { errorAfterEvents: 6 },
      codes: ['provider_failed', 'provider_unavailable'],
    },
    { what: 'silent', behaviour: { stallAfterEvents: 6 }, codes: ['provider_timeout'] },
  ];
  for (const { what, behaviour, codes } of cuts) {
    guarantee(
      `streamed: ${what} in the middle is an error after the content`,
      async ({ callOf: make, provider, simulator }) => {
        simulator.setBehaviour({ outputTokens: 40, gapMs: 1, ...behaviour });
        const timeouts = { connectMs: 1000, firstTokenMs: 10_000, betweenTokensMs: 100 };
        const { events, error } = await outcomeOf(provider.chat(make('Hello.', { stream: true, timeouts }), never));
        assert.ok(error instanceof ProviderError, String(error));
        assert.ok(codes.includes(error.code), error.code);
        assert.equal(error.mayBeBilled, true);
        const { choices, usage } = assemble(events);
        assert.notEqual(choices[0]?.text ?? '', '');
        assert.equal(choices[0]?.finishReason, null);
        // Counts of a part would be booked as those of the whole.
        assert.equal(usage, null);
        await noneInFlight(simulator);
      },
    );
  }

  guarantee('streamed: leaving the iteration closes the upstream connection', async ({ chat, simulator }) => {
    simulator.setBehaviour({ stallAfterEvents: 6 });
    for await (const batch of chat('Hello.', { stream: true })) {
      if (batch.some(({ type }) => type === 'text-delta')) break;
    }
    await noneInFlight(simulator);
  });

  guarantee(
    'an identity that the provider does not know is 401, and no secret is repeated',
    async ({ callOf: make, provider, stranger, simulator }) => {
      const error = await failureOf(provider.chat({ ...make('Hello.'), deployment: stranger }, never));
      assert.deepEqual([error.code, error.status, error.mayBeBilled], ['provider_authentication', 401, false]);
      for (const secret of secrets) assert.ok(!error.message.includes(secret), error.message);
      assert.equal(simulator.billed().length, 0);
    },
  );

  guarantee('a model that does not exist is 404', async ({ callOf: make, provider, deployment }) => {
    const gone = { ...deployment, upstreamModel: 'no.such-model' };
    const error = await failureOf(provider.chat({ ...make('Hello.'), deployment: gone }, never));
    assert.deepEqual([error.code, error.status, error.mayBeBilled], ['provider_not_found', 404, false]);
  });
}

const refusals = [
  { status: 400, code: 'provider_bad_request', litellm: 'BadRequestError' },
  { status: 401, code: 'provider_authentication', litellm: 'AuthenticationError' },
  { status: 403, code: 'provider_permission', litellm: 'PermissionDeniedError' },
  { status: 404, code: 'provider_not_found', litellm: 'NotFoundError' },
  { status: 429, code: 'provider_throttled', litellm: 'RateLimitError' },
  { status: 500, code: 'provider_failed', litellm: 'InternalServerError' },
  { status: 503, code: 'provider_unavailable', litellm: 'ServiceUnavailableError' },
  { status: 529, code: 'provider_unavailable', litellm: 'ServiceUnavailableError' },
] as const;

type Chat = ReturnType<Provider['chat']>;
type Options = Partial<Omit<ChatCall, 'request' | 'deployment'>>;

interface Opened extends ProviderUnderTest {
  readonly chat: (text: string, options?: Options, request?: Partial<ChatCompletionRequest>) => Chat;
  readonly callOf: (text: string, options?: Options, request?: Partial<ChatCompletionRequest>) => ChatCall;
}

function callOf(
  deployment: Deployment,
  text: string,
  options: Options,
  request: Partial<ChatCompletionRequest>,
): ChatCall {
  return {
    callId: sampleCallId,
    deployment,
    request: { model: 'chat', messages: [{ role: 'user', content: text }], ...request },
    stream: false,
    outputTokensCap: 700,
    dropParams: false,
    timeouts: { connectMs: 1000, firstTokenMs: 10_000, betweenTokensMs: 10_000 },
    mayBeSent: Promise.resolve(),
    ...options,
  };
}

/** The one call on the bill, once it is there. */
async function billedOf(simulator: ProviderUnderTest['simulator']): Promise<BilledCall> {
  await waitUntil(() => simulator.billed().length > 0, { what: 'the bill' });
  const [call, ...others] = simulator.billed();
  assert.ok(call && others.length === 0);
  return call;
}

async function noneInFlight(simulator: ProviderUnderTest['simulator']): Promise<void> {
  await waitUntil(() => simulator.callsInFlight() === 0, { what: 'the connection to close' });
}

function usageOf(billed: BilledCall): Usage {
  return {
    inputTokens: billed.promptTokens,
    outputTokens: billed.completionTokens,
    cachedInputTokens: billed.cachedTokens,
    reasoningTokens: billed.reasoningTokens,
  };
}
