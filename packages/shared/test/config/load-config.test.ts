import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Deployment, OciApiKey, OciTarget } from '../../src/config/gateway-config.ts';
import { fixture, keyPem, load, ociEnv, oneModel } from './sample-config.ts';

const { OCI_KEY: _, ...envWithoutKey } = ociEnv;

async function deploymentOf(values: Record<string, unknown>, env?: Record<string, string>): Promise<Deployment> {
  const { config, problems } = await load({ values, ...(env && { env }) });
  assert.deepEqual(problems, []);
  const [deployment] = [...(config?.aliases.values() ?? [])][0]?.deployments ?? [];
  assert.ok(deployment);
  return deployment;
}

function ociTargetOf({ target }: Deployment): OciTarget {
  assert.ok(target.api === 'oci');
  return target;
}

function apiKeyOf(deployment: Deployment): OciApiKey {
  const { identity } = ociTargetOf(deployment);
  assert.ok(identity.type === 'api_key');
  return identity;
}

/** What routing is without a word about it. */
const plainRouting = {
  contextWindowFallbacks: null,
  contentPolicyFallbacks: null,
  strategy: 'simple-shuffle',
  lowestLatencyBuffer: 0,
  latencyTtlMs: 3_600_000,
  cooldowns: { enabled: true, cooldownMs: 5_000, allowedFails: null, allowedFailsPolicy: {} },
  retryPolicies: new Map(),
  preCallChecks: false,
  tagFiltering: 'off',
};

test("load: a LiteLLM team's file for OCI, as it is, without a warning", async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'sluice-'));
  const keyFile = path.join(folder.path, 'key.pem');
  await writeFile(keyFile, keyPem);
  const env = {
    ...envWithoutKey,
    OCI_REGION: 'eu-frankfurt-1',
    OCI_KEY_FILE: keyFile,
    LITELLM_MASTER_KEY: 'sk-a-long-enough-master-key',
    DATABASE_URL: 'postgresql://litellm:secret@db:5432/litellm',
  };
  const { config, problems, warnings } = await load({ file: fixture('litellm-oci.yaml'), env });
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, []);
  assert.ok(config);
  const deployments = [...config.aliases.values()].flatMap((alias) => alias.deployments);
  assert.deepEqual(
    deployments.map((deployment) => [
      deployment.alias,
      deployment.model,
      ociTargetOf(deployment).region,
      deployment.priceSource,
    ]),
    [
      ['oci-cohere-command', 'oci/cohere.command-latest', 'eu-frankfurt-1', 'oci-prices@2026-11-21'],
      ['oci-cohere-embed', 'oci/cohere.embed-v4.0', 'eu-frankfurt-1', 'oci-prices@2026-11-21'],
      ['oci-grok', 'oci/xai.grok-4.20', 'us-chicago-1', 'oci-prices@2026-11-21'],
      ['oci-gpt5-mini', 'oci/openai.gpt-5-mini', 'eu-frankfurt-1', 'oci-prices@2026-11-21'],
      [
        'oci-llama-4-maverick',
        'oci/meta.llama-4-maverick-17b-128e-instruct-fp8',
        'eu-frankfurt-1',
        'oci-prices@2026-11-21',
      ],
      ['oci-gemini-2.5-flash', 'oci/google.gemini-2.5-flash', 'eu-frankfurt-1', 'config'],
    ],
  );
  assert.deepEqual(deployments[5]?.price, {
    inputNanoUsdPerMillion: 300_000_000,
    outputNanoUsdPerMillion: 600_000_000,
  });
  assert.equal(deployments[5].id, 'gemini-frankfurt');
  assert.deepEqual(deployments[2]?.defaultParams, { temperature: 0.2 });
  assert.equal(deployments[2].timeoutMs, 120_000);
  assert.equal(deployments[3]?.numRetries, 0);
  assert.ok(deployments[0]);
  assert.equal(apiKeyOf(deployments[0]).privateKeyPem, keyPem);
  assert.equal(config.aliases.get('oci-cohere-embed')?.mode, 'embedding');
  assert.equal(config.dropParams, true);
  assert.equal(config.masterKey, env.LITELLM_MASTER_KEY);
  assert.equal(config.databaseUrl, env.DATABASE_URL);
  assert.deepEqual(config.router, {
    fallbacks: new Map([
      ['oci-gpt5-mini', ['oci-grok', 'oci-cohere-command']],
      ['oci-grok', ['oci-cohere-command']],
      ['*', ['oci-cohere-command']],
    ]),
    ...plainRouting,
    maxFallbacks: 5,
    numRetries: 1,
    retryAfterMs: 0,
    debugInErrors: true,
    showsFallbackErrors: true,
    mockTesting: false,
    timeoutMs: 90_000,
    streamTimeoutMs: 90_000,
    defaultPriority: 128,
  });
});

for (const source of [{}, { file: fixture('empty.yaml') }]) {
  test(`load: ${source.file ? 'an empty file' : 'no file'} is a configuration without aliases`, async () => {
    const { config, problems, warnings } = await load({
      ...source,
      env: { SLUICE_MASTER_KEY: 'sk-a-long-enough-key' },
    });
    assert.deepEqual([...problems, ...warnings], []);
    assert.deepEqual(config, {
      aliases: new Map(),
      wildcards: [],
      router: {
        fallbacks: new Map(),
        ...plainRouting,
        maxFallbacks: 5,
        numRetries: 2,
        retryAfterMs: 0,
        debugInErrors: true,
        showsFallbackErrors: true,
        mockTesting: false,
        timeoutMs: 600_000,
        streamTimeoutMs: 600_000,
        defaultPriority: 128,
      },
      dropParams: false,
      masterKey: 'sk-a-long-enough-key',
      databaseUrl: null,
      metrics: { authenticated: true, token: null },
      trustedProxies: [],
      allowedIps: null,
      readyWithoutDatabase: false,
      errorsNameCall: false,
      tenancy: {
        timeZone: 'UTC',
        calendarBudgets: false,
        proxyBudget: { maxBudgetNanoUsd: null, budgetDuration: null },
        proxyMaxParallelRequests: null,
        countedTokens: 'total',
        requiresEndUser: false,
        customers: { maxBudgetNanoUsd: null, budgetId: null, headers: [] },
        tags: { headers: [], hasUserAgent: true },
        keys: {
          upperBounds: {
            max_budget: null,
            budget_duration: null,
            duration: null,
            max_parallel_requests: null,
            tpm_limit: null,
            rpm_limit: null,
          },
          defaults: {},
          forTeams: null,
          personal: null,
          checksAliasFormat: false,
          needsTeam: false,
        },
        users: { defaults: {} },
      },
      spendLogsRetention: null,
      sluice: {
        defaultMaxTokens: 4096,
        connectTimeoutMs: 10_000,
        betweenTokensTimeoutMs: 60_000,
        maxRequestBytes: 33_554_432,
        workerConcurrency: 256,
        upstreamConnections: 256,
        maxQueued: 50_000,
        fairShare: { weights: new Map(), defaultWeight: 1 },
        drainMs: 30_000,
        onClientGone: 'stop',
        sseHeartbeatMs: 10_000,
        shutdownDelayMs: 5_000,
        reconcileIntervalMs: 60_000,
        defaultPrice: {
          inputNanoUsdPerMillion: 10_680_000_000,
          outputNanoUsdPerMillion: 25_000_000_000,
          searchNanoUsd: 2_000_000,
        },
        batch: {
          maxLines: 50_000,
          mixedModels: true,
          priceFactor: 1,
          window: 1_000,
          lineTimeoutMs: 600_000,
          maxUnfinished: 1_000,
          retentionMs: 2_592_000_000,
        },
        files: { maxBytes: 209_715_200, quota: { maxBytes: 10_737_418_240, maxFiles: 10_000 }, s3: null },
        webhooks: [],
      },
    });
  });
}

test('load: included files come later: lists are joined, settings replaced one by one', async () => {
  const { config, problems } = await load({
    file: fixture('include/config.yaml'),
    env: { ...ociEnv, THIRD_WEIGHT: '3' },
  });
  assert.deepEqual(problems, []);
  assert.deepEqual([...(config?.aliases.keys() ?? [])], ['first', 'second', 'third']);
  assert.equal(config?.aliases.get('third')?.deployments[0]?.weight, 3);
  assert.equal(config.router.numRetries, 4);
  assert.equal(config.router.maxFallbacks, 3);
});

test('load: our own settings', async () => {
  const sluice_settings = {
    default_max_tokens: 100,
    connect_timeout_ms: '200',
    between_tokens_timeout_ms: 300,
    max_request_mb: 1.5,
    worker_concurrency: 4,
    upstream_connections: 5,
    max_queued: 100,
    fair_share: { weights: { 'team-a': 3, 'key-b': '0.5' }, default_weight: 2 },
    drain_ms: 900,
    shutdown_delay_ms: 300,
    reconcile_interval_ms: 1_000,
    on_client_gone: 'finish',
    sse_heartbeat_ms: 0,
    default_price: { input_cost_per_token: 1e-6, output_cost_per_token: '2e-6', input_cost_per_query: 0.0023 },
    batch: {
      max_lines: '10',
      mixed_models: false,
      price_factor: 0.5,
      window: 20,
      line_timeout: 1.5,
      max_unfinished: 3,
      retention_days: 2,
    },
    files: {
      max_bytes: 1000,
      max_bytes_per_owner: 5000,
      max_files_per_owner: '7',
      s3: {
        bucket: 'sluice',
        region: 'eu-frankfurt-1',
        endpoint: 'https://ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com',
        prefix: 'files/',
        access_key_id: 'id',
        secret_access_key: 'os.environ/STORE_KEY',
      },
    },
    webhooks: [
      { name: 'all', url: 'https://all.example/a?b=c', secret: 'os.environ/HOOK' },
      { name: 'one', url: 'http://one', secret: 'os.environ/HOOK', events: ['batch.failed'], teams: ['team-a'] },
    ],
  };
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
  const { config } = await load({
    values: { sluice_settings },
    env: { ...ociEnv, HOOK: secret, STORE_KEY: 'the key of the store' },
  });
  assert.deepEqual(config?.sluice, {
    defaultMaxTokens: 100,
    connectTimeoutMs: 200,
    betweenTokensTimeoutMs: 300,
    maxRequestBytes: 1_572_864,
    workerConcurrency: 4,
    upstreamConnections: 5,
    maxQueued: 100,
    fairShare: {
      weights: new Map([
        ['team-a', 3],
        ['key-b', 0.5],
      ]),
      defaultWeight: 2,
    },
    drainMs: 900,
    shutdownDelayMs: 300,
    reconcileIntervalMs: 1_000,
    onClientGone: 'finish',
    sseHeartbeatMs: 0,
    defaultPrice: {
      inputNanoUsdPerMillion: 1_000_000_000,
      outputNanoUsdPerMillion: 2_000_000_000,
      searchNanoUsd: 2_300_000,
    },
    batch: {
      maxLines: 10,
      mixedModels: false,
      priceFactor: 0.5,
      window: 20,
      lineTimeoutMs: 1_500,
      maxUnfinished: 3,
      retentionMs: 172_800_000,
    },
    files: {
      maxBytes: 1_000,
      quota: { maxBytes: 5_000, maxFiles: 7 },
      s3: {
        bucket: 'sluice',
        region: 'eu-frankfurt-1',
        endpoint: 'https://ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com',
        prefix: 'files/',
        credentials: { accessKeyId: 'id', secretAccessKey: 'the key of the store' },
      },
    },
    webhooks: [
      {
        name: 'all',
        receiver: { url: 'https://all.example/a?b=c', secret },
        events: ['batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled'],
        teams: null,
      },
      { name: 'one', receiver: { url: 'http://one', secret }, events: ['batch.failed'], teams: ['team-a'] },
    ],
  });
});

const spellings = [
  { value: true, is: true },
  { value: 'True', is: true },
  { value: 'true', is: true },
  { value: 'yes', is: true },
  { value: 'False', is: false },
  { value: 'off', is: false },
  { value: null, is: false },
];
for (const { value, is } of spellings) {
  test(`load: drop_params may be spelled ${JSON.stringify(value)}`, async () => {
    const { config } = await load({ values: { litellm_settings: { drop_params: value } } });
    assert.equal(config?.dropParams, is);
  });
}

const drops = [
  { params: {}, is: [undefined, undefined] },
  { params: { drop_params: 'True' }, is: [true, undefined] },
  { params: { drop_params: false, additional_drop_params: [] }, is: [false, undefined] },
  { params: { additional_drop_params: ['seed', 'max_tokens', 'tools[*].strict'] }, is: [undefined, ['seed']] },
];
for (const { params, is } of drops) {
  test(`load: what a deployment drops by ${JSON.stringify(params)}`, async () => {
    const { dropParams, additionalDropParams } = await deploymentOf(oneModel(params));
    assert.deepEqual([dropParams, additionalDropParams], is);
  });
}

const routing = [
  { why: 'router_settings wins', router: { num_retries: 1 }, litellm: { num_retries: 5 }, is: { numRetries: 1 } },
  { why: 'litellm_settings else', router: {}, litellm: { num_retries: '5' }, is: { numRetries: 5 } },
  {
    why: 'the stream follows the whole',
    router: { timeout: 30 },
    litellm: { request_timeout: 5 },
    is: { timeoutMs: 30_000, streamTimeoutMs: 30_000 },
  },
  {
    why: 'a stream of its own',
    router: { stream_timeout: 2.5 },
    litellm: {},
    is: { timeoutMs: 600_000, streamTimeoutMs: 2500 },
  },
  {
    why: 'cooldowns',
    router: { cooldown_time: 30, disable_cooldowns: 'true' },
    litellm: { allowed_fails: 2 },
    is: { cooldowns: { enabled: false, cooldownMs: 30_000, allowedFails: 2, allowedFailsPolicy: {} } },
  },
  {
    why: 'a policy of failures leaves the classes that it does not name to the default',
    router: { allowed_fails_policy: { RateLimitErrorAllowedFails: 100 } },
    litellm: {},
    is: {
      cooldowns: { enabled: true, cooldownMs: 5_000, allowedFails: 3, allowedFailsPolicy: { RateLimitError: 100 } },
    },
  },
  {
    why: 'retry policies',
    router: {
      retry_policy: { TimeoutErrorRetries: 3, DefaultRetries: '0' },
      model_group_retry_policy: { grok: { AuthenticationErrorRetries: 1 } },
    },
    litellm: {},
    is: {
      retryPolicies: new Map([
        ['*', { TimeoutError: 3, Default: 0 }],
        ['grok', { AuthenticationError: 1 }],
      ]),
    },
  },
  {
    why: 'a strategy and its arguments',
    router: {
      routing_strategy: 'latency-based-routing',
      routing_strategy_args: { ttl: 10, lowest_latency_buffer: 0.5 },
    },
    litellm: {},
    is: { strategy: 'latency-based-routing', latencyTtlMs: 10_000, lowestLatencyBuffer: 0.5 },
  },
  {
    why: 'filters',
    router: { enable_pre_call_checks: true, enable_tag_filtering: true },
    litellm: {},
    is: { preCallChecks: true, tagFiltering: 'any' },
  },
  {
    why: 'all tags',
    router: { enable_tag_filtering: true, tag_filtering_match_any: 'False' },
    litellm: {},
    is: { tagFiltering: 'all' },
  },
  {
    why: 'fallbacks for prompts that are too long, of router_settings',
    router: { context_window_fallbacks: [{ grok: ['small'] }] },
    litellm: { context_window_fallbacks: [{ '*': ['grok'] }], content_policy_fallbacks: [{ '*': ['small'] }] },
    is: {
      contextWindowFallbacks: new Map([['grok', ['small']]]),
      contentPolicyFallbacks: new Map([['*', ['small']]]),
    },
  },
  {
    why: 'pauses',
    router: { retry_after: 3, max_fallbacks: 0 },
    litellm: {},
    is: { retryAfterMs: 3000, maxFallbacks: 0 },
  },
];
for (const { why, router, litellm, is } of routing) {
  test(`load: ${why}`, async () => {
    const model_list = ['grok', 'small'].map((name) => ({ ...oneModel().model_list[0], model_name: name }));
    const values = { model_list, router_settings: router, litellm_settings: litellm };
    const { config, problems } = await load({ values });
    assert.deepEqual(problems, []);
    assert.deepEqual({ ...config?.router, ...is }, config?.router);
  });
}

test('load: fallbacks of router_settings replace those of litellm_settings', async () => {
  const list = ['a', 'b', 'c'].map((name) => ({ model_name: name, litellm_params: { model: 'oci/xai.grok-4' } }));
  const values = {
    model_list: list,
    litellm_settings: { fallbacks: [{ b: ['a'] }], default_fallbacks: ['c'] },
    router_settings: { fallbacks: [{ a: ['b'] }] },
  };
  const { config } = await load({ values });
  assert.deepEqual(
    config?.router.fallbacks,
    new Map([
      ['a', ['b']],
      ['*', ['c']],
    ]),
  );
});

const masterKeys = [
  {
    why: "the file's",
    general: { master_key: 'sk-from-the-file-itself' },
    env: { LITELLM_MASTER_KEY: 'sk-from-litellm-env-x' },
    is: 'sk-from-the-file-itself',
  },
  {
    why: "LiteLLM's variable",
    general: {},
    env: { LITELLM_MASTER_KEY: 'sk-from-litellm-env-x', SLUICE_MASTER_KEY: 'sk-from-sluice-env-xx' },
    is: 'sk-from-litellm-env-x',
  },
  {
    why: 'our variable',
    general: {},
    env: { LITELLM_MASTER_KEY: '', SLUICE_MASTER_KEY: 'sk-from-sluice-env-xx' },
    is: 'sk-from-sluice-env-xx',
  },
  { why: 'none', general: {}, env: {}, is: null },
];
for (const { why, general, env, is } of masterKeys) {
  test(`load: the master key is ${why}`, async () => {
    const { config, warnings } = await load({ values: { general_settings: general }, env });
    assert.equal(config?.masterKey, is);
    assert.deepEqual(warnings, []);
  });
}

const identity: {
  why: string;
  params: Record<string, unknown>;
  env: Record<string, string>;
  is: Record<string, unknown>;
}[] = [
  {
    why: 'explicit region wins',
    params: { oci_region: 'us-phoenix-1' },
    env: { OCI_REGION: 'eu-paris-1' },
    is: { region: 'us-phoenix-1' },
  },
  { why: 'region of the environment', params: {}, env: { OCI_REGION: 'eu-paris-1' }, is: { region: 'eu-paris-1' } },
  { why: 'region by default', params: {}, env: {}, is: { region: 'us-ashburn-1' } },
  { why: 'an empty variable is none', params: {}, env: { OCI_REGION: '' }, is: { region: 'us-ashburn-1' } },
  { why: 'explicit compartment wins', params: { oci_compartment_id: 'mine' }, env: {}, is: { compartmentId: 'mine' } },
  { why: 'on demand', params: {}, env: {}, is: { servingMode: { type: 'ON_DEMAND' } } },
  {
    why: 'dedicated',
    params: { oci_serving_mode: 'DEDICATED', oci_endpoint_id: 'ep' },
    env: {},
    is: { servingMode: { type: 'DEDICATED', endpointId: 'ep' } },
  },
  {
    why: 'dedicated, named by the model',
    params: { oci_serving_mode: 'DEDICATED' },
    env: {},
    is: { servingMode: { type: 'DEDICATED', endpointId: 'xai.grok-4' } },
  },
  { why: 'the public endpoint', params: {}, env: {}, is: { endpoint: null } },
  {
    why: 'a server',
    params: { api_base: 'http://127.0.0.1:8080/' },
    env: {},
    is: { endpoint: 'http://127.0.0.1:8080' },
  },
  {
    why: "an action's whole address",
    params: { api_base: 'https://x.example/20231130/actions/chat' },
    env: {},
    is: { endpoint: 'https://x.example' },
  },
  {
    why: 'a version',
    params: { api_base: 'https://x.example/20231130' },
    env: {},
    is: { endpoint: 'https://x.example' },
  },
];
for (const { why, params, env, is } of identity) {
  test(`OCI target: ${why}`, async () => {
    const target = ociTargetOf(await deploymentOf(oneModel(params), { ...ociEnv, ...env }));
    assert.deepEqual({ ...target, ...is }, target);
  });
}

test('OCI target: who calls comes from the environment, and explicit wins', async () => {
  const target = ociTargetOf(await deploymentOf(oneModel({ oci_user: 'somebody', oci_auth: 'api_key' })));
  const { OCI_TENANCY: tenancy, OCI_FINGERPRINT: fingerprint } = ociEnv;
  assert.deepEqual(target.identity, {
    type: 'api_key',
    tenancy,
    fingerprint,
    user: 'somebody',
    privateKeyPem: keyPem,
    passphrase: null,
  });
});

test('OCI target: of the keys an explicit one wins, and a key wins over a file', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'sluice-'));
  const file = path.join(folder.path, 'key.pem');
  const oneLine = keyPem.replaceAll('\n', String.raw`\n`);
  await writeFile(file, `${keyPem}# from a file\n`);
  const cases = [
    { params: { oci_key: oneLine, oci_key_file: '/nowhere' }, env: envWithoutKey, is: keyPem },
    { params: { oci_key_file: file }, env: ociEnv, is: `${keyPem}# from a file\n` },
    { params: {}, env: { ...ociEnv, OCI_KEY_FILE: '/nowhere' }, is: keyPem },
    { params: {}, env: { ...envWithoutKey, OCI_KEY: '', OCI_KEY_FILE: file }, is: `${keyPem}# from a file\n` },
  ];
  for (const { params, env, is } of cases) {
    assert.equal(apiKeyOf(await deploymentOf(oneModel(params), env)).privateKeyPem, is);
  }
});

test('OCI target: an encrypted key opens with its passphrase', async () => {
  const pem = createPrivateKey(keyPem).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'open',
  });
  const key = apiKeyOf(await deploymentOf(oneModel({ oci_key: String(pem), oci_key_passphrase: 'open' })));
  assert.equal(key.passphrase, 'open');
  assert.equal(key.privateKeyPem, pem);
});

test('environment_variables: the file sets what the process was not given, before anything else is read', async () => {
  const values = {
    ...oneModel({
      oci_region: 'os.environ/REGION',
      weight: 'os.environ/WEIGHT',
      parallel_tool_calls: 'os.environ/YES',
    }),
    environment_variables: {
      REGION: 'uk-london-1',
      WEIGHT: 7,
      YES: true,
      OCI_USER: 'os.environ/OTHER',
      GONE: 'os.environ/NO',
    },
    general_settings: { master_key: 'os.environ/MK' },
  };
  const { config, problems } = await load({
    values,
    env: { ...ociEnv, REGION: 'lost', OTHER: 'someone', MK: 'x'.repeat(16) },
  });
  assert.deepEqual(problems, []);
  const deployment = config?.aliases.get('grok')?.deployments[0];
  assert.ok(deployment);
  assert.equal(ociTargetOf(deployment).region, 'uk-london-1');
  assert.equal(apiKeyOf(deployment).user, 'someone');
  assert.equal(deployment.weight, 7);
  assert.deepEqual(deployment.defaultParams, { parallel_tool_calls: true });
});

const facts: {
  why: string;
  params?: Record<string, unknown>;
  info?: Record<string, unknown>;
  is: Partial<Deployment>;
}[] = [
  {
    why: 'ceilings',
    params: { rpm: 60, tpm: '1000', max_parallel_requests: 3 },
    is: { requestsPerMinute: 60, tokensPerMinute: 1_000, maxParallelRequests: 3 },
  },
  { why: 'limits of the book', is: { maxInputTokens: 128_000, maxOutputTokens: 128_000 } },
  {
    why: 'limits of the file',
    info: { max_input_tokens: 10, max_output_tokens: 5, max_tokens: 6 },
    is: { maxInputTokens: 10, maxOutputTokens: 5 },
  },
  { why: 'max_tokens is the output', info: { max_tokens: 6 }, is: { maxOutputTokens: 6 } },
  {
    why: 'limits that nobody knows',
    params: { model: 'oci/new.model' },
    is: { maxInputTokens: null, maxOutputTokens: null },
  },
  {
    why: 'the provider named apart',
    params: { model: 'xai.grok-3', custom_llm_provider: 'oci' },
    is: { model: 'oci/xai.grok-3', upstreamModel: 'xai.grok-3' },
  },
  { why: 'num_retries wins over max_retries', params: { num_retries: 1, max_retries: 3 }, is: { numRetries: 1 } },
  { why: 'max_retries', params: { max_retries: 3 }, is: { numRetries: 3 } },
  {
    why: 'request_timeout',
    params: { request_timeout: 3, stream_timeout: '1.5' },
    is: { timeoutMs: 3000, streamTimeoutMs: 1500 },
  },
  {
    why: 'prices in litellm_params win',
    params: { input_cost_per_token: 1e-6 },
    info: { input_cost_per_token: 2e-6 },
    is: { price: { inputNanoUsdPerMillion: 1e9, outputNanoUsdPerMillion: 15e9 }, priceSource: 'config' },
  },
  {
    why: 'prices in model_info',
    info: { input_cost_per_token: 2e-6 },
    is: { price: { inputNanoUsdPerMillion: 2e9, outputNanoUsdPerMillion: 15e9 } },
  },
  {
    why: 'a cache price',
    params: { cache_read_input_token_cost: 7.5e-7 },
    is: { price: { inputNanoUsdPerMillion: 3e9, outputNanoUsdPerMillion: 15e9, cachedInputNanoUsdPerMillion: 75e7 } },
  },
  {
    why: 'a price of reasoning',
    info: { output_cost_per_reasoning_token: 2e-5 },
    is: { price: { inputNanoUsdPerMillion: 3e9, outputNanoUsdPerMillion: 15e9, reasoningNanoUsdPerMillion: 20e9 } },
  },
  {
    why: 'a price of searches',
    params: { model: 'oci/cohere.rerank.v3-5', input_cost_per_query: 0.001 },
    is: {
      price: { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0, searchNanoUsd: 1e6 },
      priceSource: 'config',
    },
  },
  {
    why: 'searches of a model that nobody prices are not free',
    params: { model: 'oci/cohere.rerank.v3-5' },
    is: {
      price: { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0, searchNanoUsd: 2e6 },
      priceSource: 'default',
    },
  },
  {
    why: 'the price of base_model',
    params: { model: 'oci/tuned' },
    info: { base_model: 'xai.grok-3-mini' },
    is: { price: { inputNanoUsdPerMillion: 3e8, outputNanoUsdPerMillion: 5e8 }, priceSource: 'oci-prices@2026-11-21' },
  },
  {
    why: 'default parameters, numbers from strings',
    params: { max_tokens: '50', stop: ['a'], seed: 1, metadata: { a: 1 } },
    is: { defaultParams: { max_tokens: 50, stop: ['a'], seed: 1, metadata: { a: 1 } } },
  },
  { why: 'no model_info', is: { info: {} } },
  {
    why: 'keys of the operator’s own in model_info, but for secrets, however deep',
    info: {
      owner: 'core',
      supports_vision: true,
      max_tokens: 6,
      api_key: 'x',
      nested: { list: [{ password: 'x', kept: 1 }], token: 'x' },
    },
    is: { info: { owner: 'core', supports_vision: true, max_tokens: 6, nested: { list: [{ kept: 1 }] } } },
  },
];
for (const { why, params, info, is } of facts) {
  test(`deployment: ${why}`, async () => {
    const deployment = await deploymentOf(oneModel(params, info));
    assert.deepEqual({ ...deployment, ...is }, deployment);
  });
}

const modes = [
  { model: 'oci/xai.grok-4', info: {}, mode: 'chat' },
  { model: 'oci/cohere.embed-v4.0', info: {}, mode: 'embedding' },
  { model: 'oci/new.embedder', info: {}, mode: 'embedding' },
  { model: 'oci/new.model', info: {}, mode: 'chat' },
  { model: 'oci/cohere.rerank.v3-5', info: {}, mode: 'rerank' },
  { model: 'oci/guardrails', info: {}, mode: 'moderation' },
  { model: 'oci/guardrails-1.0', info: {}, mode: 'moderation' },
  { model: 'oci/ocid1.generativeaiendpoint.x', info: { mode: 'rerank' }, mode: 'rerank' },
  { model: 'oci/new.embedder', info: { mode: 'chat' }, mode: 'chat' },
  { model: 'oci/cohere.rerank.v3-5', info: {}, mode: 'rerank' },
  { model: 'oci/new.reranker', info: {}, mode: 'rerank' },
  { model: 'openai/omni-moderation-latest', info: {}, mode: 'moderation' },
];
for (const { model, info, mode } of modes) {
  test(`mode: ${model} ${JSON.stringify(info)} is ${mode}`, async () => {
    const { config } = await load({ values: oneModel({ model }, info), env: { ...ociEnv, OPENAI_API_KEY: 'sk' } });
    assert.equal(config?.aliases.get('grok')?.mode, mode);
  });
}

test('price: a search costs what input_cost_per_query says, and its tokens then nothing', async () => {
  const priced = await deploymentOf(oneModel({ model: 'oci/cohere.rerank.v3-5', input_cost_per_query: 0.002 }));
  const price = { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0, searchNanoUsd: 2_000_000 };
  assert.deepEqual([priced.price, priced.priceSource], [price, 'config']);
  const { problems } = await load({ values: oneModel({ input_cost_per_query: -1 }) });
  assert.match(problems.join(), /input_cost_per_query/);
});

test('price: moderation without one is not free, and the start says so', async () => {
  const { config, warnings } = await load({ values: oneModel({ model: 'oci/guardrails' }) });
  assert.match(warnings.join(), /oci\/guardrails has no price; counted at the default price/);
  assert.equal(config?.aliases.get('grok')?.deployments[0]?.priceSource, 'default');
});

test('deployment id: 32 hex digits, the same whatever the key, the order and the process', async () => {
  const { id } = await deploymentOf(oneModel({ temperature: 1, oci_key: keyPem }));
  assert.match(id, /^[0-9a-f]{32}$/);
  const other = await deploymentOf(oneModel({ oci_key: `${keyPem}# another\n`, temperature: 1 }));
  assert.equal(other.id, id);
  for (const params of [
    { temperature: 0 },
    { oci_region: 'eu-paris-1', temperature: 1 },
    { oci_user: 'u2', temperature: 1 },
  ]) {
    assert.notEqual((await deploymentOf(oneModel(params))).id, id);
  }
});

test('deployment id: equal ones get a number', async () => {
  const entry = oneModel().model_list[0];
  const given = { ...entry, model_info: { id: 'x' } };
  const taken = { ...entry, model_info: { id: 'x-2' } };
  const { config } = await load({ values: { model_list: [given, taken, given, entry, entry] } });
  const ids = config?.aliases.get('grok')?.deployments.map(({ id }) => id) ?? [];
  assert.deepEqual(ids.slice(0, 3), ['x', 'x-2', 'x-3']);
  assert.equal(ids[4], `${ids[3]}-2`);
});

test('load: what tells deployments of an alias apart', async () => {
  const { config } = await load({
    values: oneModel({ rpm: 10, tpm: '2000', order: 2, tags: ['free', 'default'], cooldown_time: 1.5 }),
  });
  const [deployment] = config?.aliases.get('grok')?.deployments ?? [];
  const { requestsPerMinute, tokensPerMinute, order, tags, cooldownMs } = deployment ?? {};
  assert.deepEqual([requestsPerMinute, tokensPerMinute, order, cooldownMs], [10, 2000, 2, 1500]);
  assert.deepEqual(tags, ['free', 'default']);
  const { config: other } = await load({ values: oneModel({}, { cooldown_time: 0 }) });
  assert.equal(other?.aliases.get('grok')?.deployments[0]?.cooldownMs, 0);
});

test('load: how many failures of its own a deployment may have', async () => {
  const model_info = { allowed_fails: '0', allowed_fails_policy: { RateLimitErrorAllowedFails: 7 } };
  const { config } = await load({ values: oneModel({}, model_info) });
  const [deployment] = config?.aliases.get('grok')?.deployments ?? [];
  assert.deepEqual([deployment?.allowedFails, deployment?.allowedFailsPolicy], [0, { RateLimitError: 7 }]);
  const { problems } = await load({ values: oneModel({}, { allowed_fails: -1 }) });
  assert.deepEqual(problems, ['model_list[0].model_info.allowed_fails: expected an integer from 0 to 1000000, got -1']);
});

test('load: a blocked deployment', async () => {
  const { config } = await load({ values: oneModel({}, { blocked: 'true' }) });
  assert.equal(config?.aliases.get('grok')?.deployments[0]?.blocked, true);
});

test('load: what a deployment answers without its provider', async () => {
  const { config } = await load({ values: oneModel({ mock_response: 'Hi.' }) });
  assert.equal(config?.aliases.get('grok')?.deployments[0]?.mockResponse, 'Hi.');
  const { problems } = await load({ values: oneModel({ mock_response: '' }, { mode: 'embedding' }) });
  assert.deepEqual(problems, ['model_list[0].litellm_params.mock_response: only chats can be answered so']);
});

test('load: what clients are told and may ask for', async () => {
  const { config } = await load({
    values: {
      litellm_settings: { expose_router_debug_in_errors: false },
      general_settings: {
        dangerously_allow_mock_testing_request_params: true,
        expose_fallback_errors_to_caller: 'False',
      },
    },
  });
  assert.partialDeepStrictEqual(config?.router, {
    debugInErrors: false,
    showsFallbackErrors: false,
    mockTesting: true,
  });
});
