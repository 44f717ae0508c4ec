import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../servers/wait-until.ts';
import { ask, chat, post } from './ask.ts';
import type { Reply } from './ask.ts';
import { bookedRows } from './booked-rows.ts';
import { openEmbeddedGateway } from './gateway.ts';
import type { TestGateway } from './gateway.ts';
import { steered } from './steered.ts';

const first = 'xai.grok-3';
const user = 'customer-1';
const slow = { user, ...steered({ delayMs: 1_500 }) };

const Named = z.looseObject({ message: z.string(), param: z.string().nullable(), litellm_call_id: z.string() });
const Usage = z.looseObject({ usage: z.looseObject({ prompt_tokens: z.int().positive() }) });
const errorOf = (text: string) => z.looseObject({ error: Named }).parse(JSON.parse(text)).error;

describe('general_settings, and what is told of the routing, of a whole gateway', () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await openEmbeddedGateway({
      models: { first: { model: `oci/${first}` }, second: { model: 'oci/xai.grok-NONEXISTENT-2' } },
      config: {
        general_settings: {
          master_key: 'os.environ/LITELLM_MASTER_KEY',
          global_max_parallel_requests: 2,
          enforce_user_param: true,
          token_rate_limit_type: 'input',
          include_call_id_in_error_body: true,
          expose_fallback_errors_to_caller: false,
        },
        litellm_settings: { expose_router_debug_in_errors: false },
        router_settings: { num_retries: 0, fallbacks: [{ first: ['second'] }] },
      },
    });
  });
  after(() => gateway[Symbol.asyncDispose]());

  const assertNamed = (reply: Reply) => {
    const error = errorOf(reply.text);
    assert.equal(error.litellm_call_id, reply.headers.get('x-litellm-call-id'));
    return error;
  };

  test('enforce_user_param: who does not say whom a request is for is refused, but for the operator', async () => {
    const key = await gateway.newKey();
    const refused = await chat(gateway, key);
    assert.equal(refused.status, 400);
    const { param, message } = assertNamed(refused);
    assert.equal(param, 'user');
    assert.match(message, /^\/chat\/completions: Missing required parameter: 'user'/);
    assert.equal((await post(gateway, '/embeddings', { model: 'embed', input: 'x' }, { key })).status, 400);

    assert.equal((await chat(gateway, key, { user })).status, 200);
    assert.equal((await chat(gateway, key, {}, { headers: { 'x-litellm-customer-id': user } })).status, 200);
    assert.equal((await chat(gateway, gateway.masterKey)).status, 200);
    const statuses = (await bookedRows(gateway, key, 4)).map(({ status }) => status);
    assert.deepEqual(statuses, ['failure', 'failure', 'success', 'success']);
  });

  test('token_rate_limit_type: tokens per minute are reserved, shown and corrected as those of the prompt', async () => {
    const key = await gateway.newKey({ tpm_limit: 100 });
    const remaining = ({ headers }: Reply) => Number(headers.get('x-ratelimit-remaining-tokens'));
    const [one, other] = [
      await chat(gateway, key, { user, max_tokens: 500 }),
      await chat(gateway, key, { user, max_tokens: 500 }),
    ];
    assert.deepEqual([one.status, other.status], [200, 200], 'with all tokens, neither would fit');
    const estimate = 100 - remaining(one);
    assert.ok(estimate > 0 && estimate < 20, `${estimate} for a short prompt`);
    const { prompt_tokens: used } = Usage.parse(JSON.parse(one.text)).usage;
    assert.equal(remaining(other), 100 - used - estimate);
    assert.equal(other.headers.get('x-ratelimit-limit-tokens'), '100');

    const long = [{ role: 'user', content: 'x'.repeat(600) }];
    const refused = await chat(gateway, key, { user, messages: long, max_tokens: 1 });
    assert.equal(refused.status, 429);
    assert.match(assertNamed(refused).message, /Limit type: tokens\. Current limit: 100/);
  });

  test('global_max_parallel_requests: so many run at once, whosever they are; the operator is not held up', async () => {
    const keys = await Promise.all([1, 2, 3].map(() => gateway.newKey()));
    const replies = await Promise.all(keys.map((key) => chat(gateway, key, slow)));
    const refused = replies.filter(({ status }) => status === 429);
    assert.deepEqual(
      replies.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 200, 429],
    );
    const [{ message } = assert.fail()] = refused.map(assertNamed);
    assert.match(message, /^Rate limit exceeded for proxy: all\. Limit type: max_parallel_requests\. Current limit: 2/);

    const [key = assert.fail()] = keys;
    const running = [chat(gateway, key, slow), chat(gateway, key, slow)];
    assert.equal((await chat(gateway, gateway.masterKey)).status, 200);
    for (const { status } of await Promise.all(running)) assert.equal(status, 200);
    // Slots come free with the answers.
    await waitUntil(async () => (await chat(gateway, key, { user })).status === 200, { what: 'room again' });
  });

  test('include_call_id_in_error_body: errors name their call, before, within and without a stream', async () => {
    const key = await gateway.newKey();
    const headers = { 'x-litellm-call-id': 'my-call' };
    const unknown = await chat(gateway, key, { user, model: 'gpt-9' }, { headers });
    assert.equal(unknown.status, 400);
    assert.equal(errorOf(unknown.text).litellm_call_id, 'my-call');
    assertNamed(unknown);
    const stranger = await ask(gateway, '/v1/models', { key: 'sk-nobodys-key-0123' });
    assert.deepEqual([stranger.status, stranger.headers.get('x-litellm-call-id')], [401, null]);
    assert.ok(!stranger.text.includes('litellm_call_id'), 'there is no call yet');

    const broken = { user, stream: true, ...steered({ errorAfterEvents: 3 }) };
    const cut = await chat(gateway, key, broken, { headers });
    assert.equal(cut.status, 200);
    const last = cut.text.trim().split('\n\n').at(-1) ?? '';
    assert.equal(errorOf(last.replace(/^data: /, '')).litellm_call_id, 'my-call');
  });

  test('mocks that need a permission are refused without it', async () => {
    const refused = await chat(gateway, gateway.masterKey, { model: 'first', mock_testing_fallbacks: true });
    assert.equal(refused.status, 400);
    const { param, message } = assertNamed(refused);
    assert.equal(param, 'mock_testing_fallbacks');
    assert.match(message, /dangerously_allow_mock_testing_request_params/);
    const mocked = await chat(gateway, gateway.masterKey, { model: 'first', mock_response: 'Made up.' });
    assert.equal(mocked.status, 200, 'this one needs none');
  });

  test('expose_router_debug_in_errors, expose_fallback_errors_to_caller: errors and answers tell nothing of the routing', async () => {
    const say = (fields: Record<string, unknown>) => {
      const fail = { status: 500 };
      gateway.simulator.enqueueFaults([{ model: first, count: 2, behaviour: { fail } }]);
      return chat(gateway, gateway.masterKey, { model: 'first', num_retries: 1, ...fields });
    };
    const failed = await say({});
    assert.equal(failed.status, 500);
    assert.doesNotMatch(errorOf(failed.text).message, /second|Model Group|Retried/);
    const helped = await say({ fallbacks: ['llama'], include_fallback_errors: true });
    assert.deepEqual([helped.status, helped.headers.get('x-litellm-fallback-errors')], [200, null]);
    assert.equal(helped.headers.get('x-litellm-attempted-fallbacks'), '1');
  });
});
