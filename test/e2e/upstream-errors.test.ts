import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { z } from 'zod';
import { spendRows } from '../faults/books.ts';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { chat, ErrorBody, errorOf } from './ask.ts';
import { gateways } from './gateway.ts';
import type { TestGateway } from './gateway.ts';

/** What the provider does instead of an answer, and what the client is told; litellm-contract.md §5.3. */
const refusals: readonly {
  readonly why: string;
  readonly does: Partial<Behaviour>;
  readonly status: number;
  readonly type: string;
  readonly message: RegExp;
  readonly sdk: new (...args: never[]) => Error;
}[] = [
  {
    why: "a vendor's 400",
    does: {
      fail: { status: 400, message: '{ "error": { "message": "No such tone.", "param": "tone", "code": "bad" } }' },
    },
    status: 400,
    type: 'invalid_request_error',
    message: /^litellm\.BadRequestError: OciException - .*No such tone\./,
    sdk: BadRequestError,
  },
  {
    why: 'a prompt that is too long',
    does: { fail: { status: 400, message: "This model's maximum context length is 128000 tokens." } },
    status: 400,
    type: 'invalid_request_error',
    message: /^litellm\.ContextWindowExceededError: OciException - /,
    sdk: BadRequestError,
  },
  {
    why: 'a 401, which is no fault of the client',
    does: { fail: { status: 401 } },
    status: 401,
    type: 'authentication_error',
    message: /^litellm\.AuthenticationError: OciException - /,
    sdk: AuthenticationError,
  },
  {
    why: 'a 403',
    does: { fail: { status: 403 } },
    status: 403,
    type: 'permission_error',
    message: /^litellm\.PermissionDeniedError: OciException - /,
    sdk: PermissionDeniedError,
  },
  {
    why: 'a 404',
    does: { fail: { status: 404 } },
    status: 404,
    type: 'not_found_error',
    message: /^litellm\.NotFoundError: OciException - /,
    sdk: NotFoundError,
  },
  {
    why: "a proxy's 500 in HTML",
    does: { fail: { status: 500, html: true, message: 'Oops' } },
    status: 500,
    type: 'internal_server_error',
    message: /^litellm\.InternalServerError: OciException - .*Oops/s,
    sdk: InternalServerError,
  },
  {
    why: 'a 503',
    does: { fail: { status: 503 } },
    status: 503,
    type: 'internal_server_error',
    message: /^litellm\.ServiceUnavailableError: OciException - /,
    sdk: InternalServerError,
  },
  {
    why: 'a connection that breaks',
    does: { drop: true },
    status: 500,
    type: 'internal_server_error',
    message: /^litellm\.APIConnectionError: OciException - Connection error\./,
    sdk: InternalServerError,
  },
];

/** What a stream does after its third event. */
const cuts: readonly { readonly why: string; readonly does: Partial<Behaviour>; readonly code: string }[] = [
  { why: 'the connection is reset', does: { resetAfterEvents: 3 }, code: '502' },
  { why: 'the body ends before the answer does', does: { endAfterEvents: 3 }, code: '502' },
  { why: 'nothing more comes', does: { stallAfterEvents: 3 }, code: '408' },
  { why: 'an error event comes', does: { errorAfterEvents: 3 }, code: '5' },
  { why: 'an event is malformed', does: { garbleAfterEvents: 3 }, code: '502' },
];

const flaky = 'xai.grok-3-mini';
const beforeContent: Readonly<Record<string, Partial<Behaviour>>> = {
  'the connection is reset': { resetAfterEvents: 0 },
  'the body ends': { endAfterEvents: 0 },
  'nothing comes': { stallAfterEvents: 0 },
  'an error event comes': { errorAfterEvents: 0 },
  'the first event is malformed': { garbleAfterEvents: 0 },
};

const steered = (does: Partial<Behaviour>) => ({
  messages: [{ role: 'user' as const, content: `Hello. #sim ${JSON.stringify({ outputTokens: 40, ...does })}` }],
});

const Completion = z.looseObject({ id: z.string(), model: z.string() });

for (const { mode, open } of gateways) {
  describe(`${mode}: what the provider does wrong`, () => {
    let gateway: TestGateway;
    let key: string;
    before(async () => {
      gateway = await open({
        models: {
          missing: { model: 'oci/xai.grok-NONEXISTENT-9999' },
          flaky: { model: `oci/${flaky}`, stream_timeout: 1 },
          'also-missing': { model: 'oci/xai.grok-NONEXISTENT-8888' },
        },
        config: {
          router_settings: {
            num_retries: 0,
            fallbacks: [{ missing: ['llama'] }, { flaky: ['llama'] }],
            disable_cooldowns: true,
          },
          sluice_settings: { between_tokens_timeout_ms: 600 },
        },
      });
      key = await gateway.newKey();
    });
    after(() => gateway[Symbol.asyncDispose]());

    const bookedRows = async (of: string, count = 1) =>
      waitUntil(
        async () => {
          const rows = await spendRows(gateway, of);
          return rows.length === count && rows;
        },
        { what: `${count} rows`, deadlineMs: 2_000 },
      );

    for (const { why, does, status, type, message, sdk } of refusals) {
      for (const stream of [false, true]) {
        test(`${status} for ${why}, ${stream ? 'before a stream begins' : 'whole'}; it costs nothing`, async () => {
          const own = await gateway.newKey();
          gateway.simulator.clearBilled();
          const reply = await chat(gateway, own, { stream, ...steered(does) });
          const error = errorOf(reply);
          assert.deepEqual([reply.status, error.type, error.code], [status, type, String(status)]);
          assert.match(error.message, message);
          assert.match(error.message, / Received Model Group=llama\nAvailable Model Group Fallbacks=None$/);
          assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
          assert.ok(reply.headers.get('x-litellm-call-id'));
          const retryAfter = does.fail?.retryAfterS;
          assert.equal(reply.headers.get('retry-after'), retryAfter === undefined ? null : String(retryAfter));
          assert.deepEqual(gateway.simulator.billed(), []);
          const [row] = await bookedRows(own);
          assert.deepEqual([row?.status, row?.spend === 0 || does.drop], ['failure', true]);
          // Ours, then the provider's own part: what its support is asked with.
          const providerRequestId = reply.headers.get('llm_provider-opc-request-id');
          assert.equal(providerRequestId, row?.metadata.sluice.provider_request_id);
          if (does.drop) assert.equal(providerRequestId, null);
          else assert.match(providerRequestId ?? '', /^[\w:.-]+\/[0-9A-F]{32}\/[0-9A-F]{32}$/);
        });
      }

      test(`the SDK raises ${sdk.name} for ${why}`, async () => {
        const asking = gateway.client(key).chat.completions.create({ model: 'llama', ...steered(does) });
        await assert.rejects(
          asking,
          (error) => error instanceof sdk && message.test(String(Reflect.get(error, 'error')?.message)),
        );
      });
    }

    test('429 for a 429 whose Retry-After is later than the timeout, at once, with when to come back', async () => {
      const own = await gateway.newKey();
      gateway.simulator.clearBilled();
      const throttled = { model: 'grok', timeout: 3, ...steered({ fail: { status: 429, retryAfterS: 7 } }) };
      const askedAt = Date.now();
      const first = await chat(gateway, own, throttled);
      // The next one is not even sent: the provider has said when to come back.
      const second = await chat(gateway, own, { ...throttled, stream: true, ...steered({}) });
      for (const [reply, message] of [
        [first, /^litellm\.RateLimitError: OciException - /],
        [second, /^litellm\.RateLimitError: .*takes no more calls now/],
      ] as const) {
        const error = errorOf(reply);
        assert.deepEqual([reply.status, error.type, error.code], [429, 'throttling_error', '429']);
        assert.match(error.message, message);
        assert.equal(reply.headers.has('llm_provider-opc-request-id'), reply === first);
        const retryAfter = Number(reply.headers.get('retry-after'));
        assert.ok(retryAfter >= 6 && retryAfter <= 9, `Retry-After: ${retryAfter}`);
      }
      assert.ok(Date.now() - askedAt < 3_000, 'at once');
      assert.deepEqual(gateway.simulator.billed(), []);
      await assert.rejects(gateway.client(key).chat.completions.create(throttled), RateLimitError);
    });

    test('a 429 without Retry-After is waited out, though no retries are allowed', async () => {
      gateway.simulator.enqueueFaults([{ count: 3, behaviour: { fail: { status: 429 } } }]);
      assert.equal((await chat(gateway, key, { model: 'command-a', ...steered({}) })).status, 200);
    });

    test('502 for an answer that breaks off, which was billed and is booked', async () => {
      const own = await gateway.newKey();
      const reply = await chat(gateway, own, steered({ truncatedJson: true }));
      assert.equal(reply.status, 502, reply.text);
      assert.match(errorOf(reply).message, /^litellm\.BadGatewayError: OciException - /);
      const [row] = await bookedRows(own);
      assert.ok((row?.spend ?? 0) > 0);
      assert.equal(row?.metadata.sluice.estimated, true);
    });

    for (const [where, fields, headers] of [
      ['body', { timeout: 0.4 }, {}],
      ['header', {}, { 'x-litellm-timeout': '0.4' }],
    ] as const) {
      test(`408 for an answer that does not come within the timeout of the ${where}`, async () => {
        const askedAt = Date.now();
        const reply = await chat(gateway, key, { ...fields, ...steered({ delayMs: 20_000 }) }, { headers });
        assert.deepEqual([reply.status, errorOf(reply).type], [408, 'timeout_error']);
        assert.match(errorOf(reply).message, /litellm\.Timeout/);
        assert.equal(reply.headers.get('x-litellm-timeout'), '0.4');
        assert.ok(Date.now() - askedAt < 5_000);
        await waitUntil(() => gateway.simulator.callsInFlight() === 0, { what: 'the call is given up' });
      });
    }

    for (const { why, does, code } of cuts) {
      test(`a stream ends with an error and without [DONE] when ${why}; what came is paid for`, async () => {
        const own = await gateway.newKey();
        const reply = await chat(gateway, own, { stream: true, max_tokens: 100, ...steered(does) });
        assert.equal(reply.status, 200);
        const events = reply.text.split('\n\n').filter((event) => event !== '');
        assert.ok(events.length >= 2, reply.text);
        const last = ErrorBody.parse(JSON.parse(events.at(-1)?.replace(/^data: /, '') ?? '')).error;
        assert.ok(last.code.startsWith(code), `${last.code}: ${last.message}`);
        assert.match(last.message, /^litellm\.\w+: OciException - /);
        assert.ok(!reply.text.includes('[DONE]'));
        const [row] = await bookedRows(own);
        assert.deepEqual([row?.status, row?.metadata.sluice.outcome], ['failure', 'cut']);
        assert.equal(row?.metadata.sluice.estimated, true);
        assert.ok(row.spend > 0 && row.completion_tokens > 0);

        const stream = await gateway
          .client(own)
          .chat.completions.create({ model: 'llama', stream: true, max_tokens: 100, ...steered(does) });
        const seen: unknown[] = [];
        await assert.rejects(async () => {
          for await (const chunk of stream) seen.push(chunk);
        }, APIError);
        assert.ok(seen.length > 0);
      });
    }

    for (const [where, fields, headers] of [
      ['body', { num_retries: 2 }, {}],
      ['header', {}, { 'x-litellm-num-retries': '2' }],
    ] as const) {
      test(`num_retries in the ${where}: the answer comes at the second attempt, and is paid for once`, async () => {
        gateway.simulator.clearBilled();
        gateway.simulator.enqueueFaults([{ behaviour: { fail: { status: 503 } } }]);
        const reply = await chat(gateway, key, fields, { headers });
        assert.equal(reply.status, 200, reply.text);
        assert.equal(reply.headers.get('x-litellm-attempted-retries'), '1');
        assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '0');
        assert.equal(gateway.simulator.billed().length, 1);
      });
    }

    test('retries that do not help are told of', async () => {
      const reply = await chat(gateway, key, { num_retries: 1, ...steered({ fail: { status: 500 } }) });
      assert.equal(reply.status, 500);
      assert.match(errorOf(reply).message, /LiteLLM Retried: 1 times, LiteLLM Max Retries: 1/);
    });

    test('what is wrong with the request is not tried again', async () => {
      gateway.simulator.enqueueFaults([{ behaviour: { fail: { status: 400, message: 'No.' } } }]);
      assert.equal((await chat(gateway, key, { num_retries: 3 })).status, 400);
    });

    test('a fallback answers for a model that does not exist, and says so', async () => {
      const own = await gateway.newKey();
      gateway.simulator.clearBilled();
      const reply = await chat(gateway, own, { model: 'missing' });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(Completion.parse(JSON.parse(reply.text)).model, 'meta.llama-3.3-70b-instruct');
      assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '1');
      assert.equal(reply.headers.get('x-litellm-model-group'), 'llama');
      const [row] = await bookedRows(own);
      assert.equal(row?.status, 'success');
      assert.equal(row.spend, Number(reply.headers.get('x-litellm-response-cost')));
      assert.equal(gateway.simulator.billed().length, 1);
    });

    for (const [why, does] of Object.entries(beforeContent)) {
      test(`a fallback answers a stream of which nothing came: ${why}`, async () => {
        const own = await gateway.newKey();
        gateway.simulator.clearBilled();
        gateway.simulator.enqueueFaults([{ model: flaky, behaviour: does }]);
        const reply = await chat(gateway, own, { model: 'flaky', stream: true });
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.text, /data: \[DONE\]/);
        assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '1');
        // What the first may have billed is in the books too, apart from the answer.
        const rows = await bookedRows(own, 2);
        assert.deepEqual(rows.map(({ metadata }) => metadata.sluice.outcome).toSorted(), ['completed', 'cut']);
      });
    }

    test('a fallback answers a stream too, before anything was sent', async () => {
      const stream = await gateway.client(key).chat.completions.create({
        model: 'missing',
        stream: true,
        max_tokens: 50,
        messages: [{ role: 'user', content: 'Hello.' }],
      });
      const chunks = await Array.fromAsync(stream);
      assert.deepEqual([...new Set(chunks.map(({ model }) => model))], ['meta.llama-3.3-70b-instruct']);
      assert.ok(chunks.some(({ choices }) => choices[0]?.finish_reason != null));
    });

    test('a fallback that may write less than the first model answers a request without max_tokens', async () => {
      const reply = await chat(gateway, key, { model: 'missing', max_tokens: undefined });
      assert.equal(reply.status, 200, reply.text);
    });

    test('a fallback that the request names goes before the configured one', async () => {
      const reply = await chat(gateway, key, { model: 'missing', fallbacks: ['also-missing', 'command-a'] });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(Completion.parse(JSON.parse(reply.text)).model, 'cohere.command-a-03-2025');
      assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '2');
    });

    for (const [why, fields, models] of [
      ['disable_fallbacks', { disable_fallbacks: true }, []],
      ['a key that may not use the fallback', {}, ['missing']],
      ['fallbacks that fail as well', { fallbacks: ['also-missing'] }, []],
    ] as const) {
      test(`404, the error of the first model, with ${why}`, async () => {
        const own = await gateway.newKey({ models });
        const reply = await chat(gateway, own, { model: 'missing', ...fields });
        assert.deepEqual([reply.status, errorOf(reply).type], [404, 'not_found_error']);
        assert.match(errorOf(reply).message, /Received Model Group=missing/);
        if ('fallbacks' in fields) assert.match(errorOf(reply).message, /Error doing the fallback: also-missing/);
        const [row] = await bookedRows(own);
        assert.deepEqual([row?.status, row?.spend], ['failure', 0]);
      });
    }
  });
}
