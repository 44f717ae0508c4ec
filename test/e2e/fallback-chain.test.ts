import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { z } from 'zod';
import type { Alias, Deployment, GatewayConfig, Target } from '@sluice/shared/config/gateway-config.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { createLogger } from '@sluice/shared/log.ts';
import { openEmbeddedGateway } from '../../deploy/embedded/src/gateway.ts';
import { openAnthropicSimulator } from '../anthropic-simulator/simulator.ts';
import { createSimulatedIdentity } from '../oci-simulator/identity.ts';
import { openOciSimulator } from '../oci-simulator/simulator.ts';
import { openOpenAiSimulator } from '../openai-simulator/simulator.ts';
import { openPostgresServer } from '../servers/postgres.ts';
import { waitUntil } from '../servers/wait-until.ts';

const masterKey = 'sk-master-of-the-tests';
const providerKey = 'sk-of-the-provider-1234';
const llama = 'oci/meta.llama-3.3-70b-instruct';

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

describe('a chain of fallbacks over regions and providers', { timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  let at: Awaited<ReturnType<typeof openChain>>;
  before(async () => {
    at = await openChain(stack);
  });

  const failures = [
    { why: 'both regions are away', first: 'chicago', does: { fail: { status: 503 } } },
    { why: 'both regions refuse connections', first: 'chicago', does: { drop: true } },
    {
      why: 'the first model does not exist, and the second region throttles',
      first: 'gone',
      does: { fail: { status: 429 } },
    },
  ] as const;
  for (const { why, first, does } of failures) {
    for (const stream of [false, true]) {
      test(`${why}: the third answers ${stream ? 'a stream' : 'whole'}, and the books name it`, async () => {
        at.chicago.setBehaviour(does);
        at.ashburn.setBehaviour(does);
        at.openai.clearBilled();
        const key = await newKey(at.url);
        const answer = await ask(at.url, key, first, stream);
        assert.equal(answer.model, 'gpt-4o-mini');
        assert.match(answer.text, /\w/);

        const row = await bookedRow(at.url, key);
        const [billed] = at.openai.billed();
        assert.equal(at.openai.billed().length, 1);
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

  test('the second region answers when only the first is away', async () => {
    at.chicago.setBehaviour({ fail: { status: 503 } });
    at.ashburn.setBehaviour({});
    at.ashburn.clearBilled();
    const key = await newKey(at.url);
    await ask(at.url, key, 'chicago', true);
    const row = await bookedRow(at.url, key);
    assert.deepEqual([row.model, row.custom_llm_provider, row.api_base], [llama, 'oci', at.ashburn.url]);
    at.ashburn.clearBilled();
  });

  test('Anthropic answers behind an OpenAI server that refuses our key', async () => {
    const key = await newKey(at.url);
    const answer = await ask(at.url, key, 'unpaid', true);
    assert.equal(answer.model, 'claude-sonnet-4-5');
    const row = await bookedRow(at.url, key);
    const [billed] = at.anthropic.billed();
    assert.deepEqual([row.model, row.custom_llm_provider], ['anthropic/claude-sonnet-4-5', 'anthropic']);
    assert.deepEqual([row.prompt_tokens, row.completion_tokens], [billed?.promptTokens, billed?.completionTokens]);
  });
});

async function openChain(stack: AsyncDisposableStack) {
  const identity = createSimulatedIdentity();
  const chicago = stack.use(await openOciSimulator({ identities: [identity] }));
  const ashburn = stack.use(await openOciSimulator({ identities: [identity] }));
  const openai = stack.use(await openOpenAiSimulator({ apiKey: providerKey }));
  const anthropic = stack.use(await openAnthropicSimulator({ apiKey: providerKey }));
  const postgres = stack.use(await openPostgresServer());

  const place = {
    oci_tenancy: identity.tenancy,
    oci_user: identity.user,
    oci_fingerprint: identity.fingerprint,
    oci_key: identity.keyPem,
    oci_compartment_id: identity.compartmentId,
  };
  const oci = (alias: string, model: string, api_base: string, oci_region: string) => ({
    model_name: alias,
    litellm_params: { ...place, model, api_base, oci_region },
  });
  const regions = await loadGatewayConfig({
    file: null,
    values: {
      model_list: [
        oci('chicago', llama, chicago.url, 'us-chicago-1'),
        oci('ashburn', llama, ashburn.url, 'us-ashburn-1'),
        oci('gone', 'oci/meta.llama-that-is-gone', chicago.url, 'us-chicago-1'),
      ],
      router_settings: { num_retries: 0 },
    },
    env: {},
    warn: () => undefined,
  });
  const openAi = (apiKey: string): Target => ({
    api: 'openai',
    baseUrl: `${openai.url}/v1`,
    query: {},
    headers: {},
    tokenLimit: 'max_completion_tokens',
    auth: { type: 'bearer', apiKey },
    region: null,
  });
  const config = withFallbacks(
    withAliases(regions, [
      { alias: 'spare', provider: 'openai', upstreamModel: 'gpt-4o-mini', target: openAi(providerKey) },
      { alias: 'unpaid', provider: 'openai', upstreamModel: 'gpt-4o-mini', target: openAi('sk-nobody-knows-it') },
      {
        alias: 'claude',
        provider: 'anthropic',
        upstreamModel: 'claude-sonnet-4-5',
        target: { api: 'anthropic', baseUrl: anthropic.url, apiKey: providerKey, headers: {} },
      },
    ]),
    { chicago: ['ashburn', 'spare'], gone: ['ashburn', 'spare'], unpaid: ['claude'] },
  );
  const gateway = stack.use(
    await openEmbeddedGateway({
      config,
      databaseUrl: await postgres.createDatabase(),
      masterKey,
      host: '127.0.0.1',
      port: 0,
      log: createLogger({ service: 'fallback-chain', level: 'silent' }),
      env: {},
    }),
  );
  return { url: `http://127.0.0.1:${gateway.port}`, chicago, ashburn, openai, anthropic };
}

type Elsewhere = Pick<Deployment, 'alias' | 'provider' | 'upstreamModel' | 'target'>;

/** Further aliases of one deployment each, otherwise like the first of the configuration. */
function withAliases(config: GatewayConfig, added: readonly Elsewhere[]): GatewayConfig {
  const [like] = [...config.aliases.values()].flatMap(({ deployments }) => deployments);
  assert.ok(like);
  const price = { inputNanoUsdPerMillion: 150_000_000, outputNanoUsdPerMillion: 600_000_000 };
  const aliases = added.map((one): Alias => {
    const model = `${one.provider}/${one.upstreamModel}`;
    const deployment = { ...like, ...one, id: `id-of-${one.alias}`, model, price, priceSource: 'config' };
    return { name: one.alias, mode: 'chat', deployments: [deployment] };
  });
  return { ...config, aliases: new Map([...config.aliases, ...aliases.map((alias) => [alias.name, alias] as const)]) };
}

function withFallbacks(config: GatewayConfig, fallbacks: Record<string, readonly string[]>): GatewayConfig {
  return { ...config, router: { ...config.router, fallbacks: new Map(Object.entries(fallbacks)) } };
}

async function ask(url: string, apiKey: string, model: string, stream: boolean) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  const request = { model, max_tokens: 50, messages: [{ role: 'user' as const, content: 'Hello.' }] };
  if (!stream) {
    const answer = await client.chat.completions.create(request);
    return { model: answer.model, text: answer.choices[0]?.message.content ?? '' };
  }
  const chunks = await Array.fromAsync(await client.chat.completions.create({ ...request, stream: true }));
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  return { model: chunks[0]?.model ?? '', text };
}

async function newKey(url: string): Promise<string> {
  const made = await fetch(`${url}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: '{}',
  });
  return z.object({ key: z.string() }).parse(await made.json()).key;
}

/** The one line of a key that answered. */
async function bookedRow(url: string, key: string): Promise<z.infer<typeof Row>> {
  return waitUntil(
    async () => {
      const response = await fetch(`${url}/spend/logs?api_key=${key}`, {
        headers: { authorization: `Bearer ${masterKey}` },
      });
      const answered = z
        .array(Row)
        .parse(await response.json())
        .filter(({ status }) => status === 'success');
      assert.ok(answered.length <= 1);
      return answered[0];
    },
    { what: 'the line in the books' },
  );
}
