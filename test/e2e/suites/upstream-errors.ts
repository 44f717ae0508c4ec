import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { APIError, RateLimitError } from 'openai';
import type { Behaviour } from '../../oci-simulator/behaviour.ts';
import { waitUntil } from '../../servers/wait-until.ts';
import { chat, ErrorBody, errorOf } from '../ask.ts';
import { bookedRows } from '../booked-rows.ts';
import type { TestGateway } from '../gateway.ts';
import { steered } from '../steered.ts';
import { refusals } from '../upstream-refusals.ts';
import type { SharedGateway } from './shared-gateway.ts';

/** What a stream does after its third event. */
const cuts: readonly { readonly why: string; readonly does: Partial<Behaviour>; readonly code: string }[] = [
  { why: 'the connection is reset', does: { resetAfterEvents: 3 }, code: '502' },
  { why: 'the body ends before the answer does', does: { endAfterEvents: 3 }, code: '502' },
  { why: 'nothing more comes', does: { stallAfterEvents: 3 }, code: '408' },
  { why: 'an error event comes', does: { errorAfterEvents: 3 }, code: '5' },
  { why: 'an event is malformed', does: { garbleAfterEvents: 3 }, code: '502' },
];

export function upstreamErrors({ mode, open }: SharedGateway): void {
  describe(`${mode}: what the provider does wrong`, () => {
    let gateway: TestGateway;
    let key: string;
    before(async () => {
      gateway = await open();
      key = await gateway.newKey();
    });

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
          assert.equal(reply.headers.get('x-litellm-model-group'), 'llama');
          const retryAfter = does.fail?.retryAfterS;
          assert.equal(reply.headers.get('retry-after'), retryAfter === undefined ? null : String(retryAfter));
          assert.deepEqual(gateway.simulator.billed(), []);
          const [row] = await bookedRows(gateway, own);
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
      const [row] = await bookedRows(gateway, own);
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
        const [row] = await bookedRows(gateway, own);
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
  });
}
