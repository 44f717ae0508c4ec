import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, OpenAiTarget } from '../../src/config/gateway-config.ts';
import { load, ociEnv, oneModel } from './sample-config.ts';

async function deploymentOf(params: Record<string, unknown>, env: Record<string, string> = {}): Promise<Deployment> {
  const { config, problems } = await load({ values: oneModel(params), env });
  assert.deepEqual(problems, []);
  const [deployment] = config?.aliases.get('grok')?.deployments ?? [];
  assert.ok(deployment);
  return deployment;
}

const api_key = 'sk-1';
const bearer = { type: 'bearer', apiKey: 'sk-1' } as const;
const none = { type: 'none' } as const;
const plain = { api: 'openai', query: {}, headers: {}, auth: bearer, region: null } as const;

/** The place of an OpenAI-compatible provider. */
const at = (baseUrl: string, tokenLimit: OpenAiTarget['tokenLimit'], more: Partial<OpenAiTarget> = {}) => ({
  ...plain,
  baseUrl,
  tokenLimit,
  ...more,
});

const azure = (baseUrl: string, version = '2025-02-01-preview') =>
  at(baseUrl, 'max_completion_tokens', {
    query: { 'api-version': version },
    auth: { type: 'header', name: 'api-key', apiKey: 'sk-1' },
  });
const anthropic = (baseUrl: string) => ({ api: 'anthropic', baseUrl, apiKey: 'sk-1', headers: {} });

const usual: { params: Record<string, unknown>; env?: Record<string, string>; target: object; model?: string }[] = [
  { params: { model: 'openai/gpt-4.1', api_key }, target: at('https://api.openai.com/v1', 'max_completion_tokens') },
  { params: { model: 'openai/o3', api_key }, target: at('https://api.openai.com/v1', 'max_completion_tokens') },
  {
    params: { model: 'openai/ft:gpt-4o:x', api_key },
    target: at('https://api.openai.com/v1', 'max_completion_tokens'),
  },
  {
    params: { model: 'openai/gpt-oss-20b', api_key, api_base: 'http://vllm/v1/' },
    target: at('http://vllm/v1', 'max_tokens'),
  },
  {
    params: { model: 'openai/x', api_key, api_base: 'http://host:8000' },
    target: at('http://host:8000', 'max_tokens'),
  },
  {
    params: { model: 'openai/x', api_key, api_base: 'http://h/v1/chat/completions' },
    target: at('http://h/v1', 'max_tokens'),
  },
  {
    params: { model: 'openai/x', api_key, organization: 'org-1' },
    target: at('https://api.openai.com/v1', 'max_tokens', { headers: { 'openai-organization': 'org-1' } }),
  },
  {
    params: { model: 'openai/x' },
    env: { OPENAI_API_KEY: 'sk-1', OPENAI_API_BASE: 'http://env/v1', OPENAI_ORGANIZATION: 'org-2' },
    target: at('http://env/v1', 'max_tokens', { headers: { 'openai-organization': 'org-2' } }),
  },
  {
    params: { model: 'openai/x', api_key, api_base: 'http://own/v1' },
    env: { OPENAI_API_KEY: 'sk-other', OPENAI_API_BASE: 'http://env/v1' },
    target: at('http://own/v1', 'max_tokens'),
  },
  {
    params: { model: 'x', custom_llm_provider: 'openai', api_key },
    target: at('https://api.openai.com/v1', 'max_tokens'),
    model: 'openai/x',
  },
  {
    params: { model: 'meta/x', custom_llm_provider: 'hosted_vllm', api_base: 'http://v' },
    target: at('http://v/v1', 'max_tokens', { auth: none }),
    model: 'hosted_vllm/meta/x',
  },
  {
    params: { model: 'azure/dep', api_key, api_base: 'https://a.example/' },
    target: azure('https://a.example/openai/deployments/dep'),
  },
  {
    params: { model: 'azure/dep', api_key, api_base: 'https://a.example/openai', api_version: '2024-10-21' },
    target: azure('https://a.example/openai/deployments/dep', '2024-10-21'),
  },
  {
    params: { model: 'azure/dep', api_key, api_base: 'https://a.example/openai/deployments/other/chat/completions' },
    target: azure('https://a.example/openai/deployments/other'),
  },
  {
    params: { model: 'azure/a?b/c' },
    env: { AZURE_API_KEY: 'sk-1', AZURE_API_BASE: 'https://a.example', AZURE_API_VERSION: 'v9' },
    target: azure('https://a.example/openai/deployments/a%3Fb%2Fc', 'v9'),
  },
  { params: { model: 'ollama/llama3' }, target: at('http://localhost:11434/v1', 'max_tokens', { auth: none }) },
  {
    params: { model: 'ollama_chat/llama3', api_base: 'http://box:11434' },
    target: at('http://box:11434/v1', 'max_tokens', { auth: none }),
  },
  {
    params: { model: 'ollama/llama3' },
    env: { OLLAMA_API_BASE: 'http://box:1/v1', OLLAMA_API_KEY: 'sk-1' },
    target: at('http://box:1/v1', 'max_tokens'),
  },
  {
    params: { model: 'openrouter/openai/gpt-5', api_key },
    target: at('https://openrouter.ai/api/v1', 'max_tokens'),
    model: 'openrouter/openai/gpt-5',
  },
  {
    params: { model: 'openrouter/x' },
    env: { OR_API_KEY: 'sk-1' },
    target: at('https://openrouter.ai/api/v1', 'max_tokens'),
  },
  {
    params: { model: 'hosted_vllm/m', api_key, api_base: 'http://v:8000/v1' },
    target: at('http://v:8000/v1', 'max_tokens'),
  },
  {
    params: { model: 'hosted_vllm/m' },
    env: { HOSTED_VLLM_API_BASE: 'http://v:8000' },
    target: at('http://v:8000/v1', 'max_tokens', { auth: none }),
  },
  { params: { model: 'groq/llama', api_key }, target: at('https://api.groq.com/openai/v1', 'max_completion_tokens') },
  {
    params: { model: 'gemini/gemini-2.5-pro' },
    env: { GOOGLE_API_KEY: 'sk-1' },
    target: at('https://generativelanguage.googleapis.com/v1beta/openai', 'max_tokens'),
  },
  { params: { model: 'anthropic/claude', api_key }, target: anthropic('https://api.anthropic.com') },
  {
    params: { model: 'anthropic/claude' },
    env: { ANTHROPIC_API_KEY: 'sk-1' },
    target: anthropic('https://api.anthropic.com'),
  },
  ...['https://p.example', 'https://p.example/v1', 'https://p.example/v1/messages', 'https://p.example/'].map(
    (api_base) => ({
      params: { model: 'anthropic/claude', api_key, api_base },
      target: anthropic('https://p.example'),
    }),
  ),
];

for (const { params, env = {}, target, model } of usual) {
  test(`provider: ${JSON.stringify({ ...params, ...env })}`, async () => {
    const deployment = await deploymentOf(params, env);
    assert.deepEqual(deployment.target, target);
    assert.equal(deployment.model, model ?? params['model']);
    assert.equal(deployment.model, `${deployment.provider}/${deployment.upstreamModel}`);
  });
}

const oci = 'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com';
const signed = {
  type: 'oci',
  identity: { type: 'instance_principal' },
  compartmentId: ociEnv.OCI_COMPARTMENT_ID,
} as const;
const surfaces: { why: string; params: Record<string, unknown>; env?: Record<string, string>; target: object }[] = [
  {
    why: 'signed, in the compartment',
    params: { oci_auth: 'instance_principal' },
    env: { OCI_COMPARTMENT_ID: ociEnv.OCI_COMPARTMENT_ID },
    target: at(`${oci}/openai/v1`, 'max_tokens', { auth: signed, region: 'us-chicago-1' }),
  },
  {
    why: 'with a key, and nothing else',
    params: { api_key },
    target: at(`${oci}/openai/v1`, 'max_tokens', { region: 'us-chicago-1' }),
  },
  {
    why: "OpenAI's models take OpenAI's limit",
    params: { api_key, model: 'oci/openai.gpt-5' },
    target: at(`${oci}/openai/v1`, 'max_completion_tokens', { region: 'us-chicago-1' }),
  },
  {
    why: 'gpt-oss does not',
    params: { api_key, model: 'oci/openai.gpt-oss-120b' },
    target: at(`${oci}/openai/v1`, 'max_tokens', { region: 'us-chicago-1' }),
  },
  {
    why: 'at another server',
    params: { api_key, api_base: 'http://127.0.0.1:8080' },
    target: at('http://127.0.0.1:8080/openai/v1', 'max_tokens', { region: 'us-chicago-1' }),
  },
  {
    why: 'at another path',
    params: { api_key, api_base: 'http://127.0.0.1:8080/20231130/actions/v1/' },
    target: at('http://127.0.0.1:8080/20231130/actions/v1', 'max_tokens', { region: 'us-chicago-1' }),
  },
  {
    why: 'in another realm',
    params: { api_key, oci_region: 'eu-frankfurt-2' },
    target: at('https://inference.generativeai.eu-frankfurt-2.oci.oraclecloud.eu/openai/v1', 'max_tokens', {
      region: 'eu-frankfurt-2',
    }),
  },
];
for (const { why, params, env = {}, target } of surfaces) {
  test(`OCI's OpenAI surface: ${why}`, async () => {
    const given = { model: 'oci/xai.grok-4', oci_api: 'openai', ...params };
    const deployment = await deploymentOf(given, { OCI_REGION: 'us-chicago-1', ...env });
    assert.deepEqual(deployment.target, target);
    assert.equal(deployment.provider, 'oci');
  });
}

test("OCI's OpenAI surface: the price book holds there too", async () => {
  const { price, priceSource } = await deploymentOf({ oci_api: 'openai', api_key });
  assert.equal(price.inputNanoUsdPerMillion, 3_000_000_000);
  assert.equal(priceSource, 'oci-prices@2026-11-21');
});

const inParams = 'model_list[0].litellm_params';
const wrong: { params: Record<string, unknown>; env?: Record<string, string>; problem: string }[] = [
  { params: { model: 'openai/x' }, problem: `${inParams}: missing api_key (or OPENAI_API_KEY)` },
  { params: { model: 'openai/x', api_key: '' }, problem: `${inParams}: missing api_key (or OPENAI_API_KEY)` },
  { params: { model: 'groq/x' }, problem: `${inParams}: missing api_key (or GROQ_API_KEY)` },
  { params: { model: 'openrouter/x' }, problem: `${inParams}: missing api_key (or OPENROUTER_API_KEY, OR_API_KEY)` },
  { params: { model: 'gemini/x' }, problem: `${inParams}: missing api_key (or GEMINI_API_KEY, GOOGLE_API_KEY)` },
  { params: { model: 'anthropic/x' }, problem: `${inParams}: missing api_key (or ANTHROPIC_API_KEY)` },
  {
    params: { model: 'azure/x' },
    problem: `${inParams}: missing api_base (or AZURE_API_BASE), api_key (or AZURE_API_KEY, AZURE_OPENAI_API_KEY)`,
  },
  { params: { model: 'hosted_vllm/x' }, problem: `${inParams}: missing api_base (or HOSTED_VLLM_API_BASE)` },
  {
    params: { model: 'openai/x', api_key: 5 },
    problem: `${inParams}.api_key: expected a string, got a number (hidden)`,
  },
  {
    params: { model: 'openai/x', api_key: 'os.environ/NO' },
    problem: `${inParams}.api_key: environment variable NO is not set`,
  },
  {
    params: { model: 'openai/x', api_key: 'a b' },
    problem: `${inParams}.api_key: holds spaces, line ends or other characters that no HTTP header takes`,
  },
  {
    params: { model: 'openai/x' },
    env: { OPENAI_API_KEY: 'a\n' },
    problem: `${inParams}.api_key: OPENAI_API_KEY holds spaces, line ends or other characters that no HTTP header takes`,
  },
  {
    params: { model: 'openai/x', api_key, organization: 'a b' },
    problem: `${inParams}.organization: holds spaces, line ends or other characters that no HTTP header takes`,
  },
  {
    params: { model: 'ollama/x' },
    env: { OLLAMA_API_BASE: 'localhost:11434' },
    problem: `${inParams}.api_base: OLLAMA_API_BASE expected an http(s) address, such as https://inference.example.com`,
  },
  {
    params: { model: 'openai/x', api_key, api_base: 'https://u:p@x' },
    problem: `${inParams}.api_base: must not hold a user name or password`,
  },
  {
    params: { model: 'openai/x', api_key, api_base: 'https://x/v1?key=1' },
    problem: `${inParams}.api_base: must not hold a query or a fragment`,
  },
  {
    params: { model: 'oci/x', oci_api: 'grpc' },
    problem: `${inParams}.oci_api: expected "native" or "openai", got "grpc"`,
  },
  {
    params: { model: 'oci/x', oci_api: 'openai', oci_auth: 'instance_principal' },
    problem: `${inParams}: missing oci_compartment_id (or OCI_COMPARTMENT_ID)`,
  },
  {
    params: { model: 'oci/x', oci_api: 'openai', api_key, oci_serving_mode: 'DEDICATED' },
    problem: `${inParams}.oci_serving_mode: DEDICATED needs oci_api: native`,
  },
];
for (const { params, env = {}, problem } of wrong) {
  test(`problem of a provider: ${problem}`, async () => {
    const { problems } = await load({ values: oneModel(params), env });
    assert.deepEqual(problems, [problem]);
  });
}

test('deployment id: a new key does not change it, another place or organization does', async () => {
  const params = { model: 'openai/x', api_key, api_base: 'http://a/v1' };
  const { id } = await deploymentOf(params);
  const { api_base } = params;
  assert.equal((await deploymentOf({ ...params, api_key: 'sk-2' })).id, id);
  assert.equal((await deploymentOf({ model: 'openai/x', api_base }, { OPENAI_API_KEY: 'sk-3' })).id, id);
  for (const other of [{ api_base: 'http://b/v1' }, { organization: 'org' }, { model: 'openai/y' }]) {
    assert.notEqual((await deploymentOf({ ...params, ...other })).id, id);
  }
  const fromEnv = { model: 'openai/x', api_key };
  const [one, two] = ['http://a/v1', 'http://b/v1'].map((base) => deploymentOf(fromEnv, { OPENAI_API_BASE: base }));
  assert.notEqual((await one)?.id, (await two)?.id);
});
