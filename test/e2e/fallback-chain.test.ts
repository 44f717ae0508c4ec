import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { openAnthropicSimulator } from '../anthropic-simulator/simulator.ts';
import { createSimulatedIdentity } from '../oci-simulator/identity.ts';
import { openOciSimulator } from '../oci-simulator/simulator.ts';
import { openOpenAiSimulator } from '../openai-simulator/simulator.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { gateways } from './gateway.ts';
import type { TestGateway } from './gateway.ts';

const providerKey = 'sk-of-the-provider-1234';
const wrongKey = 'sk-that-nobody-knows-of-1234';
const llama = 'oci/meta.llama-3.3-70b-instruct';
const grok = 'oci/xai.grok-3';

const Row = z.object({
  model: z.string(),
  model_group: z.string(),
  custom_llm_provider: z.string().nullable(),
  api_base: z.string().nullable(),
  spend: z.number(),
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  status: z.string(),
});

for (const { mode, open } of gateways) {
  describe(`a chain of fallbacks over regions and providers, ${mode}`, { timeout: 120_000 }, () => {
    const stack = new AsyncDisposableStack();
    after(() => stack.disposeAsync());
    let at: Awaited<ReturnType<typeof openChain>>;
    before(async () => {
      at = await openChain(stack, open);
    });

    const failures = [
      { why: 'both regions are away', first: 'chicago', does: { fail: { status: 503 } } },
      { why: 'both regions throttle', first: 'chicago', does: { fail: { status: 429 } } },
      { why: 'both regions drop connections', first: 'chicago', does: { drop: true } },
      {
        why: 'the first model does not exist, and the second region is away',
        first: 'gone',
        does: { fail: { status: 503 } },
      },
    ] as const;
    for (const { why, first, does } of failures) {
      for (const stream of [false, true]) {
        test(`${why}: the third answers ${stream ? 'a stream' : 'whole'}, and the books name it`, async () => {
          at.chicago.setBehaviour(first === 'gone' ? {} : does);
          at.ashburn.setBehaviour(does);
          at.openai.clearBilled();
          const key = await at.gateway.newKey();
          const answer = await ask(at.gateway, key, first, stream);
          assert.match(answer.text, /\w/);

          const row = await bookedRow(at.gateway, key);
          const [billed, ...others] = at.openai.billed();
          assert.deepEqual(others, []);
          assert.deepEqual(row, {
            model: 'openai/gpt-4o-mini',
            model_group: first,
            custom_llm_provider: 'openai',
            api_base: `${at.openai.url}/v1`,
            prompt_tokens: billed?.promptTokens,
            completion_tokens: billed?.completionTokens,
            spend: (150 * (billed?.promptTokens ?? 0) + 600 * (billed?.completionTokens ?? 0)) / 1e9,
            status: 'success',
          });
          assert.deepEqual([at.chicago.billed().length, at.ashburn.billed().length], [0, 0]);
        });
      }
    }

    for (const first of ['chicago', 'gone']) {
      test(`the second region answers when only ${first} fails`, async () => {
        at.chicago.setBehaviour(first === 'gone' ? {} : { fail: { status: 503 } });
        at.ashburn.setBehaviour({});
        const key = await at.gateway.newKey();
        await ask(at.gateway, key, first, true);
        const row = await bookedRow(at.gateway, key);
        assert.deepEqual([row.model, row.custom_llm_provider, row.api_base], [llama, 'oci', at.ashburn.url]);
        at.ashburn.clearBilled();
      });
    }

    test('Anthropic answers behind an OpenAI server that refuses our key', async () => {
      const key = await at.gateway.newKey();
      await ask(at.gateway, key, 'unpaid', true);
      const row = await bookedRow(at.gateway, key);
      const [billed] = at.anthropic.billed();
      assert.deepEqual([row.model, row.custom_llm_provider], ['anthropic/claude-sonnet-4-5', 'anthropic']);
      assert.equal(row.api_base, at.anthropic.url);
      assert.deepEqual([row.prompt_tokens, row.completion_tokens], [billed?.promptTokens, billed?.completionTokens]);
    });

    for (const alias of ['compatible-signed', 'compatible-with-key']) {
      test(`${alias}: OCI's OpenAI-compatible surface is OCI in the books`, async () => {
        at.ashburn.setBehaviour({});
        at.ashburn.clearBilled();
        const key = await at.gateway.newKey();
        await ask(at.gateway, key, alias, true);
        const row = await bookedRow(at.gateway, key);
        const [billed] = at.ashburn.billed();
        assert.equal(billed?.format, 'OPENAI');
        assert.deepEqual([row.model, row.custom_llm_provider], [grok, 'oci']);
        assert.equal(row.api_base, `${at.ashburn.url}/openai/v1`);
        assert.deepEqual([row.prompt_tokens, row.completion_tokens], [billed.promptTokens, billed.completionTokens]);
        at.ashburn.clearBilled();
      });
    }
  });
}

async function openChain(stack: AsyncDisposableStack, open: (typeof gateways)[number]['open']) {
  const identity = createSimulatedIdentity();
  const ashburn = stack.use(await openOciSimulator({ identities: [identity], apiKeys: [providerKey] }));
  const openai = stack.use(await openOpenAiSimulator({ apiKey: providerKey }));
  const anthropic = stack.use(await openAnthropicSimulator({ apiKey: providerKey }));

  const inAshburn = { api_base: ashburn.url, oci_region: 'us-ashburn-1' };
  const signed = {
    ...inAshburn,
    oci_tenancy: identity.tenancy,
    oci_user: identity.user,
    oci_fingerprint: identity.fingerprint,
    oci_key: identity.keyPem,
    oci_compartment_id: identity.compartmentId,
  };
  const gpt = {
    model: 'openai/gpt-4o-mini',
    api_base: `${openai.url}/v1`,
    input_cost_per_token: 1.5e-7,
    output_cost_per_token: 6e-7,
  };
  const gateway = stack.use(
    await open({
      models: { chicago: { model: llama }, gone: { model: 'oci/meta.llama-that-is-gone' } },
      elsewhere: {
        ashburn: { ...signed, model: llama },
        spare: { ...gpt, api_key: providerKey },
        unpaid: { ...gpt, api_key: wrongKey },
        claude: { model: 'anthropic/claude-sonnet-4-5', api_base: anthropic.url, api_key: providerKey },
        'compatible-signed': { ...signed, model: grok, oci_api: 'openai' },
        'compatible-with-key': { ...inAshburn, model: grok, oci_api: 'openai', api_key: providerKey },
      },
      config: {
        router_settings: {
          num_retries: 0,
          fallbacks: [{ chicago: ['ashburn', 'spare'] }, { gone: ['ashburn', 'spare'] }, { unpaid: ['claude'] }],
        },
      },
    }),
  );
  return { gateway, chicago: gateway.simulator, ashburn, openai, anthropic };
}

async function ask(gateway: TestGateway, apiKey: string, model: string, stream: boolean) {
  const { completions } = gateway.client(apiKey).chat;
  const request = { model, max_tokens: 50, messages: [{ role: 'user' as const, content: 'Hello.' }] };
  if (!stream) {
    const { choices } = await completions.create(request);
    return { text: choices[0]?.message.content ?? '' };
  }
  const chunks = await Array.fromAsync(await completions.create({ ...request, stream: true }));
  return { text: chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('') };
}

/** The one line of a key that answered. */
async function bookedRow(gateway: TestGateway, key: string): Promise<z.infer<typeof Row>> {
  return waitUntil(
    async () => {
      const response = await gateway.request(`/spend/logs?api_key=${key}`);
      const rows = z.array(Row).parse(await response.json());
      const answered = rows.filter(({ status }) => status === 'success');
      assert.ok(answered.length <= 1);
      return answered[0];
    },
    { what: 'the line in the books' },
  );
}
