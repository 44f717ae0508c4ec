import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/config-error.ts';
import { describeConfig } from '../../src/config/check-config.ts';
import { isSecret } from '../../src/config/config-path.ts';
import { keyPem, load, ociEnv, oneModel } from './sample-config.ts';

const marker = 'MARKERnever2print';
const pem = `-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----\n`;
const url = `postgresql://user:${marker}@db/x`;

/** Every wrong value that may hold a secret: each is put into every place of one. */
const wrongValues: unknown[] = [
  marker,
  '',
  ` ${marker}\n`,
  pem,
  url,
  `https://u:${marker}@host`,
  [marker],
  { [`a`]: marker },
  5,
  true,
  `os.environ/ ${marker}`,
];

const places: { where: string; put: (value: unknown) => Record<string, unknown> }[] = [
  ...['oci_key', 'oci_key_passphrase', 'api_key', 'api_base', 'my_secret', 'password'].map((key) => ({
    where: key,
    put: (value: unknown) => oneModel({ [key]: value }),
  })),
  {
    where: 'oci_key_file',
    put: (value) => oneModel({ oci_key_file: typeof value === 'string' && value.includes(marker) ? pem : value }),
  },
  { where: 'master_key', put: (value) => ({ general_settings: { master_key: value } }) },
  { where: 'database_url', put: (value) => ({ general_settings: { database_url: value } }) },
  { where: 'redis_password', put: (value) => ({ router_settings: { redis_password: value } }) },
  ...['url', 'secret'].map((key) => ({
    where: `webhook's ${key}`,
    put: (value: unknown) => ({ sluice_settings: { webhooks: [{ name: 'a', [key]: value }] } }),
  })),
  {
    where: 'environment_variables',
    put: (value) => ({ environment_variables: { ANY: value, OCI_KEY: value, DATABASE_URL: value } }),
  },
];

for (const { where, put } of places) {
  test(`secrets: nothing of ${where} in any problem or warning`, async () => {
    for (const value of wrongValues) {
      const { problems, warnings } = await load({ values: { sluice_settings: { stops: 'the start' }, ...put(value) } });
      assert.ok(problems.length > 0);
      assertSilent([...problems, ...warnings, new ConfigError(problems).message]);
    }
  });
}

test('secrets: nothing of a variable, wherever it is put', async () => {
  const keys = [
    'model',
    'custom_llm_provider',
    'weight',
    'timeout',
    'temperature',
    'stop',
    'tools',
    'oci_region',
    'oci_user',
    'token_rate_limit_type',
    'oci_serving_mode',
    'oci_auth',
    'api_base',
    'api_version',
    'organization',
    'oci_api',
    'oci_config_file',
    'oci_config_profile',
    'input_cost_per_token',
    'input_cost_per_query',
    'num_retries',
  ];
  const ref = 'os.environ/SECRET';
  for (const value of [marker, pem, url, `${marker}"!`]) {
    for (const key of keys) {
      const values = {
        ...oneModel({ oci_auth: 'config_file', [key]: ref }, { mode: ref, max_tokens: ref }),
        litellm_settings: { drop_params: ref, fallbacks: ref, default_fallbacks: [ref] },
      };
      const { problems, warnings } = await load({ values, env: { ...ociEnv, SECRET: value } });
      assert.ok(problems.length > 2);
      assertSilent([...problems, ...warnings]);
    }
  }
});

test('secrets: nothing of a key of another provider, from the entry or the environment', async () => {
  for (const value of [marker, `${marker} `, pem]) {
    for (const model of ['openai/x', 'azure/x', 'groq/x', 'anthropic/x', 'ollama/x', 'oci/x']) {
      const values = { ...oneModel({ model, api_key: value, oci_api: 'openai' }), sluice_settings: { stops: 1 } };
      const named = ['OPENAI_API_KEY', 'AZURE_API_BASE', 'GROQ_API_KEY', 'ANTHROPIC_API_KEY', 'OLLAMA_API_BASE'];
      const env = Object.fromEntries(named.map((name) => [name, `${value}!`]));
      for (const found of [await load({ values }), await load({ values: oneModel({ model }), env })]) {
        assertSilent([...found.problems, ...found.warnings]);
      }
    }
  }
});

test('secrets: nothing of them from the environment', async () => {
  const names = ['OCI_AUTH', 'OCI_KEY', 'OCI_KEY_FILE', 'OCI_USER', 'OCI_REGION', 'DATABASE_URL'];
  const env = {
    ...Object.fromEntries(names.map((name) => [name, `${marker} "\n`])),
    LITELLM_MASTER_KEY: `${marker}\n`,
  };
  const { problems, warnings } = await load({ values: oneModel(), env });
  assert.ok(problems.length > 3);
  assertSilent([...problems, ...warnings]);
});

const brokenTexts = [
  `general_settings: { master_key: "${marker}\n`,
  `general_settings:\n  master_key: *${marker}\n`,
  `general_settings:\n  master_key: !${marker} x\n`,
  `general_settings:\n  master_key: @${marker}\n`,
  `general_settings:\n  master_key: a: ${marker}\n`,
  `general_settings:\n  master_key: "\\q${marker}"\n`,
  `model_list:\n  - litellm_params:\n      oci_key: -----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----\n`,
  `general_settings:\n\tmaster_key: ${marker}\n`,
  `general_settings: &a\n  master_key: ${marker}\n  again: *a\n`,
  `general_settings:\n  <<: ${marker}\n`,
  `general_settings: {}\n---\nmaster_key: ${marker}\n`,
  `? [${marker}]\n: 1\n`,
  `a: &a [${marker}]\nb: [${Array.from({ length: 200 }, () => '*a').join(', ')}]\n`,
  `${'['.repeat(5000)}${marker}`,
  `include: ${marker}\n`,
  `${marker}\n`,
];
for (const text of brokenTexts) {
  test(`secrets: nothing of a file that is no YAML: ${JSON.stringify(text.slice(0, 60))}`, async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'sluice-'));
    const file = path.join(folder.path, 'config.yaml');
    await writeFile(file, text);
    const { problems, warnings } = await load({ file });
    assert.equal(problems.length, 1);
    assertSilent([...problems, ...warnings]);
  });
}

test('secrets: none in what --check-config prints', async () => {
  const api_key = marker;
  const keyed = [
    { model: 'openai/x', api_key },
    { model: 'azure/x', api_key, api_base: 'https://a' },
    { model: 'anthropic/x', api_key },
    { model: 'oci/x', oci_api: 'openai', api_key },
    { model: 'oci/*', oci_api: 'openai', api_key },
  ].map((litellm_params, index) => ({ model_name: `m${index}*`, litellm_params }));
  const values = {
    model_list: [...oneModel().model_list, ...keyed],
    general_settings: { master_key: `${marker}-long-enough`, database_url: url },
  };
  const { config } = await load({ values });
  assert.ok(config);
  assert.equal(config.wildcards.length, keyed.length);
  assertSilent([describeConfig(config)]);
});

const keys = [
  ...[
    'oci_key',
    'api_key',
    'master_key',
    'client_secret',
    'redis_password',
    'auth_token',
    'token',
    'private_pem',
    'database_url',
    'auth_tokens',
  ].map((key) => ({ key, secret: true })),
  ...[
    'max_tokens',
    'default_max_tokens',
    'between_tokens_timeout_ms',
    'input_cost_per_token',
    'output_cost_per_reasoning_token',
    'cache_read_input_token_cost',
    'oci_user',
    'token_rate_limit_type',
    'api_base',
  ].map((key) => ({ key, secret: false })),
];
for (const { key, secret } of keys) {
  test(`secrets: ${key} ${secret ? 'is one' : 'is none'}`, () => assert.equal(isSecret(['a', 0, key]), secret));
}

function assertSilent(texts: readonly string[]): void {
  const pieces = [marker, keyPem.slice(40, 80)];
  for (const text of texts) for (const piece of pieces) assert.ok(!text.includes(piece), `tells a secret: ${text}`);
}
