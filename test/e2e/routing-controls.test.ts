import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../servers/wait-until.ts';
import { ask, chat, errorOf, infoOf, post } from './ask.ts';
import type { Reply } from './ask.ts';
import { gateways } from './gateway.ts';
import type { GatewayOptions, TestGateway } from './gateway.ts';

const models = {
  llama: 'meta.llama-3.3-70b-instruct',
  grok: 'xai.grok-4',
  command: 'cohere.command-a-03-2025',
  scout: 'meta.llama-4-scout-17b-16e-instruct',
  maverick: 'meta.llama-4-maverick-17b-128e-instruct-fp8',
  old: 'xai.grok-3',
  vision: 'meta.llama-3.2-90b-vision-instruct',
} as const;
const at = (model: keyof typeof models, more: Record<string, unknown> = {}) => ({
  model: `oci/${models[model]}`,
  ...more,
});

const routed: GatewayOptions = {
  models: {
    pair: [at('scout', { model_info: { id: 'pair-scout' } }), at('maverick', { model_info: { id: 'pair-maverick' } })],
    first: at('old'),
    second: at('command'),
    spare: at('llama'),
    fragile: at('vision', { model_info: { allowed_fails: 0 } }),
    canned: at('grok', { mock_response: 'From the file.' }),
    paused: at('grok', { model_info: { blocked: true } }),
    ordered: [at('llama', { order: 1 }), at('grok', { order: 2 })],
  },
  config: {
    router_settings: {
      num_retries: 1,
      fallbacks: [{ first: ['second'] }, { '*': ['spare'] }],
      context_window_fallbacks: [{ first: ['second'] }],
      content_policy_fallbacks: [{ first: ['second'] }],
    },
    general_settings: {
      master_key: 'os.environ/LITELLM_MASTER_KEY',
      dangerously_allow_mock_testing_request_params: true,
    },
  },
};

const Completion = z.looseObject({
  model: z.string(),
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string() }) })),
  usage: z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.int() }),
});
const completionOf = (reply: Reply) => {
  assert.equal(reply.status, 200, reply.text);
  return Completion.parse(JSON.parse(reply.text));
};
const header = (reply: Reply, name: string) => reply.headers.get(`x-litellm-${name}`);
const billed = ({ simulator }: TestGateway) => simulator.billed().map(({ model }) => model);

for (const { mode, open } of gateways) {
  describe(`${mode}: what a request says about its routing`, () => {
    let gateway: TestGateway;
    const say = (model: string, fields: Record<string, unknown> = {}, key = gateway.masterKey) =>
      chat(gateway, key, { model, ...fields });
    before(async () => {
      gateway = await open(routed);
    });
    after(() => gateway[Symbol.asyncDispose]());

    test('the id of a deployment calls that one, for whoever may use its alias', async () => {
      gateway.simulator.clearBilled();
      const [mine, other] = await Promise.all([
        gateway.newKey({ models: ['pair'] }),
        gateway.newKey({ models: ['spare'] }),
      ]);
      for (let nth = 0; nth < 4; nth += 1) {
        const reply = await say('pair-maverick', {}, mine);
        assert.deepEqual([completionOf(reply).model, header(reply, 'model-id')], ['pair-maverick', 'pair-maverick']);
      }
      assert.deepEqual(new Set(billed(gateway)), new Set([models.maverick]));
      const refused = await say('pair-maverick', {}, other);
      assert.deepEqual([refused.status, errorOf(refused).type], [403, 'key_model_access_denied']);
    });

    test('so does the model as the file names it', async () => {
      const reply = await say(`oci/${models.scout}`, { specific_deployment: true });
      assert.deepEqual([completionOf(reply).model, header(reply, 'model-id')], [`oci/${models.scout}`, 'pair-scout']);
      assert.equal(header(await say(`oci/${models.scout}`), 'model-id'), 'pair-scout');
      const refused = await say('pair', { specific_deployment: true });
      assert.deepEqual([refused.status, errorOf(refused).param], [400, 'model']);
    });

    test('a name that nobody knows means the first default fallback, if the key may use that', async () => {
      const reply = await say('gpt-unheard-of');
      assert.deepEqual([completionOf(reply).model, header(reply, 'model-group')], ['spare', 'spare']);
      const key = await gateway.newKey({ models: ['pair'] });
      const refused = await say('gpt-unheard-of', {}, key);
      assert.deepEqual([refused.status, errorOf(refused).type], [403, 'key_model_access_denied']);
    });

    for (const stream of [false, true]) {
      test(`include_fallback_errors: what failed before ${stream ? 'a stream' : 'a whole answer'}`, async () => {
        const fail = { status: 500, message: 'Grüße from the first.' };
        gateway.simulator.enqueueFaults([{ model: models.old, count: 2, behaviour: { fail } }]);
        const reply = await say('first', { include_fallback_errors: true, stream });
        assert.equal(reply.status, 200, reply.text);
        const [error, ...others] = z
          .array(z.strictObject({ message: z.string(), type: z.string(), param: z.null(), code: z.string() }))
          .parse(JSON.parse(header(reply, 'fallback-errors') ?? ''));
        assert.match(error?.message ?? '', /^litellm\.InternalServerError: OciException - .*Grüße from the first\./);
        assert.deepEqual([error?.type, error?.code, others], ['internal_server_error', '500', []]);
        assert.deepEqual([header(reply, 'attempted-fallbacks'), header(reply, 'max-fallbacks')], ['1', '5']);
      });
    }

    test('without it the answer says nothing of them; after a retry it says how many there could be', async () => {
      gateway.simulator.enqueueFaults([{ model: models.old, behaviour: { fail: { status: 500 } } }]);
      const reply = await say('first', { num_retries: 7 });
      assert.equal(reply.status, 200, reply.text);
      const names = ['attempted-retries', 'max-retries', 'attempted-fallbacks', 'max-fallbacks', 'fallback-errors'];
      assert.deepEqual(
        names.map((name) => header(reply, name)),
        ['1', '7', '0', null, null],
      );
    });

    test('mock_response: a canned answer, paid for as 10 and 20 tokens, that no provider sees', async () => {
      gateway.simulator.clearBilled();
      const key = await gateway.newKey();
      const reply = await say('spare', { mock_response: 'Made up.' }, key);
      const { choices, usage } = completionOf(reply);
      assert.equal(choices[0]?.message.content, 'Made up.');
      assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [10, 20]);
      assert.equal(header(reply, 'response-cost'), '0.0000216'); // 30 tokens at 0.72 USD per million
      const messages = [{ role: 'user' as const, content: 'Hello.' }];
      const inPieces = { model: 'spare', stream: true as const, messages, mock_response: 'Made up, in pieces.' };
      const streamed = await gateway.client(key).chat.completions.create(inPieces);
      const pieces = (await Array.fromAsync(streamed)).map((chunk) => chunk.choices[0]?.delta.content ?? '');
      assert.equal(pieces.join(''), 'Made up, in pieces.');
      assert.ok(pieces.length > 3);
      const text = await post(
        gateway,
        '/v1/completions',
        { model: 'spare', prompt: 'a', mock_response: 'Text.' },
        { key },
      );
      assert.match(text.text, /"text":"Text\."/);
      assert.equal(completionOf(await say('canned', {}, key)).choices[0]?.message.content, 'From the file.');

      const Rows = z.array(z.looseObject({ spend: z.number(), status: z.string(), model_group: z.string() }));
      const spent = 0.000_064_8 + (10 * 3 + 20 * 15) / 1e6; // three times llama, and once grok
      await waitUntil(async () => Math.abs((await infoOf(gateway, key)).spend - spent) < 1e-12, {
        what: 'the spend of the key',
        deadlineMs: 10_000,
      });
      const rows = Rows.parse(JSON.parse((await ask(gateway, `/spend/logs?api_key=${key}`)).text));
      assert.deepEqual(
        rows.filter(({ model_group }) => model_group === 'spare').map(({ spend, status }) => [spend, status]),
        Array.from({ length: 3 }, () => [0.000_021_6, 'success']),
      );
      assert.deepEqual(billed(gateway), []);
    });

    test('mock_response: nothing but a chat can be answered so', async () => {
      const refused = await post(gateway, '/v1/embeddings', { model: 'embed', input: 'a', mock_response: 'x' });
      assert.deepEqual([refused.status, errorOf(refused).param], [400, 'mock_response']);
    });

    for (const [name, status] of [
      ['litellm.RateLimitError', 429],
      ['litellm.InternalServerError', 500],
      ['litellm.ContextWindowExceededError', 400],
      ['litellm.ContentPolicyViolationError', 400],
    ] as const) {
      test(`mock_response: ${name} is ${status}, and nobody else is called for it`, async () => {
        gateway.simulator.clearBilled();
        const reply = await say('spare', { mock_response: name, num_retries: 0 });
        assert.equal(reply.status, status);
        assert.ok(errorOf(reply).message.startsWith(`${name}: `), reply.text);
        assert.equal((await say('spare')).status, 200, 'it is not left alone for it');
        assert.deepEqual(billed(gateway), [models.llama]);
      });
    }

    for (const flag of [
      'mock_testing_fallbacks',
      'mock_testing_context_fallbacks',
      'mock_testing_content_policy_fallbacks',
    ]) {
      test(`${flag}: the fallback answers`, async () => {
        const reply = await say('first', { [flag]: true });
        assert.deepEqual([completionOf(reply).model, header(reply, 'model-group')], [models.command, 'second']);
      });
    }

    test('mock_testing_rate_limit_error: one retry', async () => {
      const reply = await say('spare', { mock_testing_rate_limit_error: true, num_retries: 50 });
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual([header(reply, 'attempted-retries'), header(reply, 'max-retries')], ['1', '50']);
    });

    test('mock_timeout: 408 when the timeout is over, for nothing', async () => {
      const key = await gateway.newKey();
      const reply = await say('spare', { mock_timeout: true, timeout: 0.3, num_retries: 0 }, key);
      assert.deepEqual([reply.status, errorOf(reply).type], [408, 'timeout_error']);
      assert.equal(header(reply, 'timeout'), '0.3');
      assert.equal((await infoOf(gateway, key)).spend, 0);
    });

    test('what is for the gateway is not for the provider', async () => {
      const controls = {
        fallbacks: ['second'],
        context_window_fallbacks: ['second'],
        content_policy_fallbacks: [{ spare: ['second'] }],
        num_retries: 1,
        timeout: 30,
        stream_timeout: 30,
        disable_fallbacks: true,
        include_fallback_errors: true,
        mock_timeout: false,
        mock_testing_fallbacks: false,
        mock_response: null,
        tags: ['one'],
        metadata: { tags: ['two'] },
        litellm_metadata: {},
        user: 'somebody',
        litellm_trace_id: 'trace',
        litellm_session_id: 'session',
        litellm_call_id: 'call',
        specific_deployment: false,
        priority: 7,
        allowed_openai_params: ['seed'],
        drop_params: false,
        additional_drop_params: ['seed'],
      };
      const reply = await say('spare', controls);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(header(reply, 'fallback-errors'), '[]');
    });

    test('allowed_fails of a deployment: alone in its alias it is left alone after the first failure', async () => {
      gateway.simulator.enqueueFaults([{ model: models.vision, behaviour: { fail: { status: 500 } } }]);
      const only = { num_retries: 0, disable_fallbacks: true };
      assert.equal((await say('fragile', only)).status, 500);
      const cooled = await say('fragile', only);
      assert.deepEqual([cooled.status, errorOf(cooled).type], [429, 'all_deployments_in_cooldown']);
    });

    test('a blocked deployment is not called: 403, or the fallback', async () => {
      gateway.simulator.clearBilled();
      const refused = await say('paused', { disable_fallbacks: true });
      assert.deepEqual([refused.status, errorOf(refused).type], [403, 'permission_error']);
      assert.match(errorOf(refused).message, /^Model 'paused' is currently paused and cannot accept requests\./);
      assert.deepEqual(completionOf(await say('paused')).model, models.llama);
      assert.deepEqual(billed(gateway), [models.llama]);
    });

    for (const alias of ['pair', 'ordered']) {
      test(`a throttled deployment is not waited for while another of "${alias}" has room`, async () => {
        const throttled = alias === 'pair' ? models.scout : models.llama;
        const roomy = alias === 'pair' ? models.maverick : models.grok;
        const refusal = { fail: { status: 429, retryAfterS: 60 } };
        gateway.simulator.enqueueFaults([{ model: throttled, count: 20, behaviour: refusal }]);
        gateway.simulator.clearBilled();
        const replies = await Promise.all(Array.from({ length: 12 }, () => say(alias, { timeout: 20 })));
        for (const reply of replies) assert.equal(reply.status, 200, reply.text);
        for (let nth = 0; nth < 4; nth += 1) assert.equal((await say(alias, { timeout: 5 })).status, 200);
        assert.deepEqual(
          billed(gateway),
          Array.from({ length: 16 }, () => roomy),
        );
      });
    }
  });
}
