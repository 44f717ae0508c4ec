import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/config-error.ts';
import { webhookEvents } from '../../src/config/webhook-settings.ts';
import { fixture, keyPem, load, ociEnv, oneModel } from './sample-config.ts';

type Case = { problem: string | string[]; values?: Record<string, unknown>; env?: Record<string, string> };

const params = (given: Record<string, unknown>) => ({ values: oneModel(given) });
const info = (given: Record<string, unknown>) => ({ values: oneModel({}, given) });
const inParams = 'model_list[0].litellm_params';
const entry = (model_name: unknown, more: Record<string, unknown> = {}) => ({
  model_name,
  litellm_params: { model: 'oci/xai.grok-4' },
  ...more,
});
const ab = {
  model_list: [entry('a'), entry('b'), { model_name: 'vectors', litellm_params: { model: 'oci/cohere.embed-v4.0' } }],
};
const router = (settings: Record<string, unknown>) => ({ values: { ...ab, router_settings: settings } });
const ecPem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const encryptedPem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open' })
  .toString();

const webhook = { name: 'a', url: 'https://a.example', secret: `whsec_${Buffer.alloc(24, 7).toString('base64')}` };

const cases: Case[] = [
  // Sections
  { values: { model_list: 'x' }, problem: 'model_list: expected a list, got "x"' },
  {
    values: { model_list: ['x', null] },
    problem: ['model_list[0]: expected a mapping, got "x"', 'model_list[1]: expected a mapping, got nothing'],
  },
  { values: { router_settings: [] }, problem: 'router_settings: expected a mapping, got a list' },
  {
    values: { litellm_settings: { drop_params: 'maybe' } },
    problem: 'litellm_settings.drop_params: expected true or false, got "maybe"',
  },
  {
    ...params({ additional_drop_params: ['seed', 7] }),
    problem: `${inParams}.additional_drop_params: expected a list of up to 64 names`,
  },
  { values: { environment_variables: [] }, problem: 'environment_variables: expected a mapping, got a list' },
  {
    values: { environment_variables: { A: {} } },
    problem: 'environment_variables.A: expected a string, got a mapping',
  },
  // Webhooks
  ...(
    [
      [{ name: 'a b' }, '.name: only 1 to 64 letters, digits and . _ -'],
      [{ name: null }, '.name: missing'],
      [{ url: null }, '.url: missing'],
      [{ url: 'ftp://x.example' }, '.url: expected an http or https URL'],
      [{ url: 'nowhere' }, '.url: expected an http or https URL'],
      [{ url: 'https://a:b@x.example' }, '.url: expected a URL without a user, a password or a fragment'],
      [{ secret: null }, '.secret: missing'],
      [{ secret: 'short' }, '.secret: expected whsec_ and base64 of 24 to 64 random bytes'],
      [{ secret: 'whsec_c2hvcnQ=' }, '.secret: expected whsec_ and base64 of 24 to 64 random bytes'],
      [{ events: [] }, `.events: expected some of ${webhookEvents.join(', ')}`],
      [{ events: ['batch.failed', 'batch.made'] }, `.events: expected some of ${webhookEvents.join(', ')}`],
      [{ teams: [] }, '.teams: expected a list of team ids'],
      [{ teams: [7] }, '.teams: expected a list of team ids'],
    ] as const
  ).map(([wrong, problem]) => ({
    values: { ...oneModel(), sluice_settings: { webhooks: [{ ...webhook, ...wrong }] } },
    problem: `sluice_settings.webhooks[0]${problem}`,
  })),
  {
    values: { ...oneModel(), sluice_settings: { webhooks: [webhook, webhook] } },
    problem: 'sluice_settings.webhooks: two are called "a"',
  },
  {
    values: {
      ...oneModel(),
      sluice_settings: {
        webhooks: Array(21)
          .fill(0)
          .map((_, n) => ({ ...webhook, name: `n${n}` })),
      },
    },
    problem: 'sluice_settings.webhooks: at most 20',
  },
  // Files
  {
    values: {
      sluice_settings: {
        files: { max_bytes: 0, max_files_per_owner: 0, s3: { endpoint: 'oraclecloud.com/x', prefix: 'a b' } },
      },
    },
    problem: [
      'sluice_settings.files.max_bytes: expected an integer from 1 to 52428800000, got 0',
      'sluice_settings.files.max_files_per_owner: expected an integer from 1 to 1000000, got 0',
      'sluice_settings.files.s3.endpoint: expected an http or https URL without a path',
      "sluice_settings.files.s3.prefix: only letters, digits and / - _ . ! * ' ( )",
      'sluice_settings.files.s3.bucket: missing',
      'sluice_settings.files.s3.region: missing',
    ],
  },
  {
    values: { sluice_settings: { files: { s3: { bucket: 'b', region: 'r', access_key_id: 'id' }, s4: {} } } },
    problem: [
      'sluice_settings.files.s4: unknown key',
      'sluice_settings.files.s3: access_key_id and secret_access_key go together',
    ],
  },
  // Variables
  {
    values: {
      ...oneModel(),
      model_list: [
        entry('a'),
        entry('b'),
        entry('c', { litellm_params: { model: 'oci/x', oci_key: 'os.environ/NO_KEY' } }),
      ],
    },
    problem: 'model_list[2].litellm_params.oci_key: environment variable NO_KEY is not set',
  },
  {
    values: { guardrails: [{ a: { b: ['os.environ/DEEP'] } }] },
    problem: 'guardrails[0].a.b[0]: environment variable DEEP is not set',
  },
  {
    values: { general_settings: { master_key: 'os.environ/' } },
    problem: 'general_settings.master_key: os.environ/ is not followed by the name of a variable',
  },
  {
    ...params({ weight: 'os.environ/OCI_USER' }),
    problem: `${inParams}.weight: expected a number ≥ 0, got a string (from OCI_USER)`,
  },
  {
    ...router({ default_fallbacks: ['os.environ/NO'] }),
    problem: 'router_settings.default_fallbacks[0]: environment variable NO is not set',
  },
  // Names
  {
    values: { model_list: [entry(undefined)] },
    problem: 'model_list[0].model_name: missing; expected the name that clients use',
  },
  { values: { model_list: [entry(4)] }, problem: 'model_list[0].model_name: expected a string, got 4' },
  { values: { model_list: [entry(' ')] }, problem: 'model_list[0].model_name: expected a name, got an empty one' },
  { values: { model_list: [entry('x'.repeat(257))] }, problem: 'model_list[0].model_name: longer than 256 characters' },
  { values: { model_list: [entry('a\nb')] }, problem: 'model_list[0].model_name: holds control characters' },
  // Models
  {
    values: { model_list: [{ model_name: 'a' }] },
    problem: `${inParams}.model: missing; expected a provider and a model, as in oci/xai.grok-4`,
  },
  {
    values: { model_list: [{ model_name: 'a', litellm_params: 'oci/x' }] },
    problem: `${inParams}: expected a mapping, got "oci/x"`,
  },
  {
    ...params({ model: 'nobody/gpt-5' }),
    problem: `${inParams}.model: expected a provider and a model, as in oci/xai.grok-4, got "nobody/gpt-5"; oci/, openai/, azure/, ollama/, ollama_chat/, openrouter/, hosted_vllm/, groq/, gemini/, anthropic/ are known`,
  },
  {
    ...params({ model: 'gpt-5' }),
    problem: `${inParams}.model: expected a provider and a model, as in oci/xai.grok-4, got "gpt-5"; oci/, openai/, azure/, ollama/, ollama_chat/, openrouter/, hosted_vllm/, groq/, gemini/, anthropic/ are known`,
  },
  {
    ...params({ custom_llm_provider: 'nobody' }),
    problem: `${inParams}.custom_llm_provider: expected "oci" or "openai" or "azure" or "ollama" or "ollama_chat" or "openrouter" or "hosted_vllm" or "groq" or "gemini" or "anthropic", got "nobody"`,
  },
  {
    ...params({ model: 'oci/*' }),
    problem: `${inParams}.model: has 1 *, but model_name only 0 to fill them from`,
  },
  ...['oci/', 'oci/a b', 'oci/a/../b', 'oci/..', `oci/${'x'.repeat(513)}`].map((model) => ({
    ...params({ model }),
    problem: `${inParams}.model: expected the name of a model after its provider, without spaces`,
  })),
  {
    ...info({ mode: 'realtime' }),
    problem:
      'model_list[0].model_info.mode: expected "chat" or "embedding" or "rerank" or "moderation" (others are not supported yet), got "realtime"',
  },
  {
    ...info({ id: 'a b' }),
    problem: 'model_list[0].model_info.id: expected 1 to 256 printable ASCII characters without spaces',
  },
  {
    ...info({ max_output_tokens: 0 }),
    problem: 'model_list[0].model_info.max_output_tokens: expected an integer ≥ 1, got 0',
  },
  {
    values: { model_list: [entry('a'), entry('a', { model_info: { mode: 'embedding' } })] },
    problem:
      'model_list[1].model_info: alias "a" is chat in an earlier entry and embedding in this one: deployments of one alias must share a mode',
  },
  // Numbers
  {
    ...params({ input_cost_per_token: -1 }),
    problem: `${inParams}.input_cost_per_token: expected a number from 0 to 9, got -1`,
  },
  {
    ...params({ output_cost_per_token: 'cheap' }),
    problem: `${inParams}.output_cost_per_token: expected a number from 0 to 9, got "cheap"`,
  },
  { ...params({ rpm: 0 }), problem: `${inParams}.rpm: expected an integer ≥ 1, got 0` },
  { ...params({ tpm: 1.5 }), problem: `${inParams}.tpm: expected an integer ≥ 1, got 1.5` },
  {
    ...params({ max_parallel_requests: 0 }),
    problem: `${inParams}.max_parallel_requests: expected an integer ≥ 1, got 0`,
  },
  { ...params({ weight: -1 }), problem: `${inParams}.weight: expected a number ≥ 0, got -1` },
  { ...params({ weight: Infinity }), problem: `${inParams}.weight: expected a number ≥ 0, got Infinity` },
  { ...params({ num_retries: 1.5 }), problem: `${inParams}.num_retries: expected an integer from 0 to 100, got 1.5` },
  { ...params({ timeout: 0 }), problem: `${inParams}.timeout: expected a number from 0.001 to 2147483, got 0` },
  { ...params({ temperature: 'hot' }), problem: `${inParams}.temperature: expected a number, got "hot"` },
  { ...params({ temperature: 3 }), problem: `${inParams}.temperature: too big: expected number to be <=2` },
  {
    ...params({ tools: [{ type: 1 }] }),
    problem: `${inParams}.tools: at [0].type: invalid input: expected string, received number`,
  },
  // Identity
  {
    ...params({}),
    env: {},
    problem: `${inParams}: missing oci_tenancy (or OCI_TENANCY), oci_user (or OCI_USER), oci_fingerprint (or OCI_FINGERPRINT), oci_key or oci_key_file (or OCI_KEY, OCI_KEY_FILE), oci_compartment_id (or OCI_COMPARTMENT_ID)`,
  },
  {
    ...params({ oci_region: 'Nowhere!' }),
    problem: `${inParams}.oci_region: is not the name of a region, such as us-chicago-1`,
  },
  {
    ...params({}),
    env: { ...ociEnv, OCI_REGION: '-' },
    problem: `${inParams}.oci_region: OCI_REGION is not the name of a region, such as us-chicago-1`,
  },
  { ...params({ oci_user: 'a"b' }), problem: `${inParams}.oci_user: holds characters that no OCI identifier has` },
  {
    ...params({ oci_key: 'nonsense' }),
    problem: `${inParams}.oci_key: is not a private key in PEM form: it has no BEGIN line`,
  },
  { ...params({ oci_key: 5 }), problem: `${inParams}.oci_key: expected a string, got a number (hidden)` },
  {
    ...params({}),
    env: { ...ociEnv, OCI_KEY: 'nonsense' },
    problem: `${inParams}.oci_key: OCI_KEY is not a private key in PEM form: it has no BEGIN line`,
  },
  {
    ...params({ oci_key: keyPem.replace('MII', 'IIM') }),
    problem: `${inParams}.oci_key: is a damaged private key: its PEM text cannot be decoded`,
  },
  {
    ...params({ oci_key: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n' }),
    problem: `${inParams}.oci_key: is not a private key, but another thing in PEM form`,
  },
  { ...params({ oci_key: ecPem }), problem: `${inParams}.oci_key: is not an RSA key` },
  { ...params({ oci_key: encryptedPem }), problem: `${inParams}.oci_key: is encrypted: oci_key_passphrase is missing` },
  {
    ...params({ oci_key: encryptedPem, oci_key_passphrase: 'wrong' }),
    problem: `${inParams}.oci_key: cannot be read with this oci_key_passphrase`,
  },
  {
    ...params({ oci_key_file: '/no/such/key.pem' }),
    problem: `${inParams}.oci_key_file: /no/such/key.pem does not exist`,
  },
  {
    ...params({ oci_key_file: import.meta.dirname }),
    problem: `${inParams}.oci_key_file: ${import.meta.dirname} is a folder, not a file`,
  },
  {
    ...params({ oci_key_file: import.meta.filename }),
    problem: `${inParams}.oci_key_file: ${import.meta.filename} is not a private key, but another thing in PEM form`,
  },
  {
    ...params({ oci_key_file: keyPem }),
    problem: `${inParams}.oci_key_file: holds a key, not the path of one: use oci_key`,
  },
  {
    ...params({ oci_serving_mode: 'SHARED' }),
    problem: `${inParams}.oci_serving_mode: expected "ON_DEMAND" or "DEDICATED", got "SHARED"`,
  },
  {
    ...params({ api_base: 'ftp://x' }),
    problem: `${inParams}.api_base: expected an http(s) address, such as https://inference.example.com`,
  },
  {
    ...params({ api_base: 'localhost' }),
    problem: `${inParams}.api_base: expected an http(s) address, such as https://inference.example.com`,
  },
  { ...params({ api_base: 'https://u:p@x' }), problem: `${inParams}.api_base: must not hold a user name or password` },
  {
    ...params({ api_base: 'https://x/v2' }),
    problem: `${inParams}.api_base: expected only scheme, host and port; requests go to /20231130/actions there`,
  },
  // Fallbacks
  {
    ...router({ fallbacks: [{ a: ['c'] }] }),
    problem: 'router_settings.fallbacks[0].a[0]: "c" is no alias of model_list',
  },
  {
    ...router({ fallbacks: [{ zzzzzzzz: ['a'] }] }),
    problem: 'router_settings.fallbacks[0].zzzzzzzz: "zzzzzzzz" is no alias of model_list',
  },
  {
    ...router({ fallbacks: [{ a: ['b', 'a'] }] }),
    problem: 'router_settings.fallbacks[0].a[1]: an alias cannot be its own fallback',
  },
  { ...router({ fallbacks: [{ a: 'b' }] }), problem: 'router_settings.fallbacks[0].a: expected a list, got "b"' },
  {
    ...router({ fallbacks: [{ a: ['b'], b: ['a'] }] }),
    problem:
      'router_settings.fallbacks[0]: expected a mapping of one alias to its fallbacks, as in {my-alias: [other-alias]}, got a mapping',
  },
  {
    ...router({ fallbacks: ['a'] }),
    problem:
      'router_settings.fallbacks[0]: expected a mapping of one alias to its fallbacks, as in {my-alias: [other-alias]}, got "a"',
  },
  {
    ...router({ fallbacks: [{ a: ['b'] }, { a: ['b'] }] }),
    problem: 'router_settings.fallbacks[1].a: this alias has fallbacks already',
  },
  {
    ...router({ fallbacks: [{ a: ['vectors'] }] }),
    problem: 'router_settings.fallbacks[0].a[0]: "vectors" is an alias for embedding, but "a" for chat',
  },
  {
    ...router({ default_fallbacks: ['vector'] }),
    problem: 'router_settings.default_fallbacks[0]: "vector" is no alias of model_list; did you mean "vectors"?',
  },
  {
    ...router({ context_window_fallbacks: [{ a: ['c'] }] }),
    problem: 'router_settings.context_window_fallbacks[0].a[0]: "c" is no alias of model_list',
  },
  {
    ...router({ routing_strategy: 'fastest' }),
    problem:
      'router_settings.routing_strategy: expected "simple-shuffle" or "least-busy" or "usage-based-routing" or "usage-based-routing-v2" or "latency-based-routing" or "cost-based-routing", got "fastest"',
  },
  {
    ...router({ model_group_retry_policy: { vector: { TimeoutErrorRetries: 101 } } }),
    problem: [
      'router_settings.model_group_retry_policy.vector: "vector" is no alias of model_list; did you mean "vectors"?',
      'router_settings.model_group_retry_policy.vector.TimeoutErrorRetries: expected an integer from 0 to 100, got 101',
    ],
  },
  { ...params({ tags: ['a', 5] }), problem: `${inParams}.tags: expected a list of texts` },
  { ...params({ order: 'first' }), problem: `${inParams}.order: expected an integer, got "first"` },
  {
    ...router({ max_fallbacks: 101 }),
    problem: 'router_settings.max_fallbacks: expected an integer from 0 to 100, got 101',
  },
  {
    values: {
      ...ab,
      model_list: [...ab.model_list, entry('c', { litellm_params: {} })],
      router_settings: { fallbacks: [{ c: ['a'] }] },
    },
    problem: 'model_list[3].litellm_params.model: missing; expected a provider and a model, as in oci/xai.grok-4',
  },
  // Secrets of the gateway
  {
    values: { general_settings: { maximum_spend_logs_retention_period: '90 days' } },
    problem:
      "general_settings.maximum_spend_logs_retention_period: Invalid duration '90 days'. Use a number with s, m, h, d, w or mo " +
      '(30s, 5m, 24h, 30d, 1w, 1mo), or hourly, daily, weekly, monthly or yearly; at most 100 years.',
  },
  {
    values: { general_settings: { master_key: '' } },
    problem: 'general_settings.master_key: must not be empty',
  },
  {
    values: { general_settings: { master_key: 12345678 } },
    problem: 'general_settings.master_key: expected a string, got a number (hidden)',
  },
  {
    values: { general_settings: { master_key: 'ends-in-a-line-break\n' } },
    problem: 'general_settings.master_key: must not hold control characters, nor begin or end with a space',
  },
  {
    values: { general_settings: { database_url: 'mysql://x' } },
    problem: 'general_settings.database_url: expected an address that begins with postgresql://',
  },
  {
    values: {},
    env: { DATABASE_URL: 'db:5432' },
    problem: 'DATABASE_URL: expected an address that begins with postgresql://',
  },
  // Ours
  {
    values: { sluice_settings: { drain_sm: 5 } },
    problem: 'sluice_settings.drain_sm: unknown key; did you mean drain_ms?',
  },
  {
    values: { sluice_settings: { drain_ms: 500, shutdown_delay_ms: 501 } },
    problem: 'sluice_settings.shutdown_delay_ms: expected an integer from 0 to 500, got 501',
  },
  { values: { sluice_settings: { colour: 5 } }, problem: 'sluice_settings.colour: unknown key' },
  {
    values: { sluice_settings: { default_price: { cached: 1 } } },
    problem: 'sluice_settings.default_price.cached: unknown key',
  },
  {
    values: { sluice_settings: { default_max_tokens: 0 } },
    problem: 'sluice_settings.default_max_tokens: expected an integer ≥ 1, got 0',
  },
  {
    values: { sluice_settings: { max_request_mb: 0 } },
    problem: 'sluice_settings.max_request_mb: expected a number from 0.001 to 1024, got 0',
  },
];

for (const { problem, values, env } of cases) {
  const expected = [problem].flat();
  test(`problem: ${expected[0]?.slice(0, 150)}`, async () => {
    const found = await load({ ...(values && { values }), ...(env && { env }) });
    assert.deepEqual(found.problems, expected);
  });
}

const files = [
  { name: 'nowhere.yaml', problem: 'does not exist' },
  { name: '', problem: 'is a folder, not a file' },
  { name: 'list.yaml', problem: 'expected a mapping of sections, such as model_list' },
  {
    name: 'broken.yaml',
    problem:
      'line 4, column 1: something is missing here: a colon after the key, a comma, or a closing bracket or quote',
  },
  { name: 'circle.yaml', problem: 'includes circle.yaml, which has been read already' },
];
for (const { name, problem } of files) {
  test(`problem of a file: ${problem}`, async () => {
    const file = fixture(name);
    assert.deepEqual((await load({ file })).problems, [`${file}: ${problem}`]);
  });
}

test('problem of a file: each repeated key', async () => {
  const file = fixture('duplicate-keys.yaml');
  assert.deepEqual((await load({ file })).problems, [
    `${file}: line 4, column 3: the key "drop_params" appears twice in one mapping`,
    `${file}: line 5, column 31: the key "timeout" appears twice in one mapping`,
  ]);
});

test('problem in an included file: which one, and where in it', async () => {
  const { problems } = await load({ file: fixture('include/config.yaml') });
  assert.deepEqual(problems, [
    'parts/more-models.yaml: model_list[0].litellm_params.weight: environment variable THIRD_WEIGHT is not set',
  ]);
});

test('problems: everything is told at once, and the message lists it', async () => {
  const values = {
    ...oneModel({ weight: 'x', oci_key: 'os.environ/NO' }),
    litellm_settings: { drop_params: 3 },
    sluice_settings: { a: 1 },
  };
  const { problems } = await load({ values });
  assert.equal(problems.length, 4);
  const { message } = new ConfigError(problems);
  assert.equal(message, `The configuration has 4 problems:\n- ${problems.join('\n- ')}`);
  assert.match(
    new ConfigError(Array.from({ length: 150 }, () => 'x')).message,
    /150 problems:\n(?:- x\n){100}- … and 50 more$/,
  );
});
