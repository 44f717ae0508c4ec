import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import type { ConfigNeeds } from '../../src/config/config-needs.ts';
import { loadGatewayConfig } from '../../src/config/load-config.ts';
import { loadProcessConfig } from '../../src/config/process-config.ts';
import { keyPem, ociEnv } from './sample-config.ts';

/** Each kind of credential, in the file and in the environment. */
const values = {
  model_list: [
    { model_name: 'signed', litellm_params: { model: 'oci/xai.grok-4', oci_key: 'os.environ/THE_KEY' } },
    { model_name: 'written', litellm_params: { model: 'oci/xai.grok-4', oci_key: keyPem } },
    { model_name: 'filed', litellm_params: { model: 'oci/xai.grok-4', oci_key_file: '/keys/api.pem' } },
    { model_name: 'plain', litellm_params: { model: 'oci/xai.grok-4' } },
    { model_name: 'profile', litellm_params: { model: 'oci/xai.grok-4', oci_auth: 'config_file' } },
    {
      model_name: 'surface',
      litellm_params: { model: 'oci/xai.grok-4', oci_api: 'openai', api_key: 'os.environ/GEN' },
    },
    { model_name: 'openai', litellm_params: { model: 'openai/gpt-5' } },
    {
      model_name: 'azure',
      litellm_params: { model: 'azure/d', api_base: 'https://x.example', api_key: 'os.environ/AZ' },
    },
    { model_name: 'claude', litellm_params: { model: 'anthropic/claude', api_key: 'written-in-the-file' } },
    { model_name: 'local', litellm_params: { model: 'ollama/x' } },
  ],
  general_settings: { master_key: 'os.environ/MASTER' },
  litellm_settings: { fallbacks: [{ signed: ['plain'] }] },
};
const { OCI_KEY: _key, ...withoutKey } = ociEnv;
const master = { MASTER: 'sk-the-master-key-0' };
const servers = { DATABASE_URL: 'postgresql://x/y', REDIS_URL: 'redis://x', NATS_URL: 'nats://x' };
const load = (needs: ConfigNeeds, env: Record<string, string>, given: object = values) =>
  loadGatewayConfig({
    file: null,
    values: { ...given },
    env: { HOME: '/nowhere', ...env },
    needs,
    warn: () => undefined,
  });

test('a process that calls no models needs none of their keys', async () => {
  const config = await load({ models: 'places', masterKey: true, files: false }, { ...withoutKey, ...master });
  assert.deepEqual(
    [...config.aliases.keys()],
    values.model_list.map((entry) => entry.model_name),
  );
  assert.equal(config.masterKey, master.MASTER);
});

test('and keeps none of them, even when they are there', async () => {
  const env = {
    ...ociEnv,
    ...master,
    THE_KEY: keyPem,
    GEN: 'planted-gen',
    AZ: 'planted-az',
    OPENAI_API_KEY: 'planted-oa',
  };
  const config = await load({ models: 'places', masterKey: true, files: false }, env);
  const all = inspect(config, { depth: null, maxStringLength: null, maxArrayLength: null });
  for (const secret of ['PRIVATE KEY', 'planted', 'written-in-the-file']) assert.ok(!all.includes(secret), secret);
});

test('its deployments have the ids that they have where they are called', async () => {
  const elsewhere = values.model_list.filter(({ model_name: name }) => !['filed', 'profile'].includes(name));
  const given = { ...values, model_list: elsewhere };
  const keys = { THE_KEY: keyPem, GEN: 'gen', AZ: 'az', OPENAI_API_KEY: 'oa' };
  const idsOf = async (needs: ConfigNeeds, env: Record<string, string>) =>
    [...(await load(needs, env, given)).aliases.values()].flatMap(({ deployments }) => deployments.map(({ id }) => id));
  assert.deepEqual(
    await idsOf({ models: 'places', masterKey: false, files: false }, withoutKey),
    await idsOf({ models: 'credentials', masterKey: false, files: false }, { ...ociEnv, ...keys }),
  );
});

test('a process without models reads neither them nor what names them', async () => {
  const config = await load({ models: 'none', masterKey: false, files: false }, {});
  assert.equal(config.aliases.size, 0);
  assert.equal(config.masterKey, null);
  assert.equal(config.router.fallbacks.size, 0);
});

test('the secret and the URL of a webhook are for whoever calls it', async () => {
  const webhooks = [{ name: 'a', url: 'os.environ/HOOK_URL', secret: 'os.environ/HOOK' }];
  const given = { sluice_settings: { webhooks } };
  const secret = `whsec_${Buffer.alloc(32, 'planted').toString('base64')}`;
  const env = { HOOK: secret, HOOK_URL: 'https://a.example/planted' };
  for (const models of ['none', 'places'] as const) {
    for (const there of [{}, env]) {
      const { sluice } = await load({ models, masterKey: false, files: false }, there, given);
      assert.deepEqual(
        sluice.webhooks.map(({ name, receiver }) => ({ name, receiver })),
        [{ name: 'a', receiver: null }],
      );
    }
  }
  const calling = { models: 'places', masterKey: false, files: false, webhooks: true } as const;
  assert.deepEqual((await load(calling, env, given)).sluice.webhooks[0]?.receiver, { url: env.HOOK_URL, secret });
  await assert.rejects(load(calling, { HOOK_URL: env.HOOK_URL }, given), /HOOK is not set/);
});

test('a process that names no operator takes the master key when it is there', async () => {
  assert.equal((await load({ models: 'none', masterKey: false, files: false }, master)).masterKey, master.MASTER);
});

test('who calls models still cannot start without their keys', async () => {
  await assert.rejects(
    load({ models: 'credentials', masterKey: false, files: false }, withoutKey),
    /THE_KEY is not set/,
  );
});

test('who names the operator still cannot start without the master key', async () => {
  await assert.rejects(load({ models: 'places', masterKey: true, files: false }, withoutKey), /MASTER is not set/);
  const env = { ...servers, HOME: '/nowhere' };
  const options = { defaultPort: 1, warn: () => undefined };
  await assert.rejects(
    loadProcessConfig(env, { ...options, needs: { models: 'none', masterKey: true, files: false } }),
    /LITELLM_MASTER_KEY \(or SLUICE_MASTER_KEY\) is not set/,
  );
  const ledger = await loadProcessConfig(env, {
    ...options,
    needs: { models: 'none', masterKey: false, files: false },
  });
  assert.deepEqual(ledger.metricsAccess, { authenticated: true, tokens: [null, null] });
});

const metrics = [
  { own: {}, litellm: {}, authenticated: true, why: 'by default' },
  {
    own: {},
    litellm: { require_auth_for_metrics_endpoint: false },
    authenticated: false,
    why: "as LiteLLM's file says",
  },
  { own: { metrics_auth: false }, litellm: {}, authenticated: false, why: 'as our own setting says' },
  {
    own: { metrics_auth: true },
    litellm: { require_auth_for_metrics_endpoint: false },
    authenticated: true,
    why: 'as our own setting says, whatever the other says',
  },
];
for (const models of ['places', 'none'] as const) {
  for (const { own, litellm, authenticated, why } of metrics) {
    test(`metrics are ${authenticated ? 'protected' : 'open'} ${why} (models: ${models})`, async () => {
      const given = { sluice_settings: own, litellm_settings: litellm };
      const config = await load({ models, masterKey: false, files: false }, {}, given);
      assert.equal(config.metrics.authenticated, authenticated);
    });
  }
}

const proxies = [
  { general: {}, own: {}, trusted: [] },
  { general: { use_x_forwarded_for: true }, own: {}, trusted: ['loopback', 'linklocal', 'uniquelocal'] },
  { general: {}, own: { trusted_proxies: ['10.1.0.0/16', '2001:db8::/32', '192.0.2.1'] }, trusted: 'same' },
];
for (const { general, own, trusted } of proxies) {
  test(`trusted proxies of ${JSON.stringify({ ...general, ...own })}`, async () => {
    const given = { general_settings: general, sluice_settings: own };
    const config = await load({ models: 'places', masterKey: false, files: false }, {}, given);
    assert.deepEqual(config.trustedProxies, trusted === 'same' ? own.trusted_proxies : trusted);
  });
}
test('requests may come from everywhere, unless the configuration says from where', async () => {
  const needs = { models: 'places', masterKey: false, files: false } as const;
  assert.equal((await load(needs, {}, {})).allowedIps, null);
  const listed = ['192.0.2.1', '10.0.0.0/8', '2001:db8::/32'];
  assert.deepEqual((await load(needs, {}, { general_settings: { allowed_ips: listed } })).allowedIps, listed);
  for (const wrong of [[], ['loopback'], ['10.0.0.0/33'], '10.0.0.1', ['10.0.0.1', 'everybody']]) {
    await assert.rejects(load(needs, {}, { general_settings: { allowed_ips: wrong } }), /allowed_ips/);
  }
});
for (const wrong of [['10.0.0.0/33'], ['everybody'], [7], '10.0.0.1', ['1.2.3']]) {
  test(`trusted proxies cannot be ${JSON.stringify(wrong)}`, async () => {
    const given = { sluice_settings: { trusted_proxies: wrong } };
    await assert.rejects(load({ models: 'places', masterKey: false, files: false }, {}, given), /trusted_proxies/);
  });
}

test('who has no files to do with does not keep the key of their store, nor needs it', async () => {
  const s3 = { bucket: 'b', region: 'r', access_key_id: 'os.environ/S3_ID', secret_access_key: 'os.environ/S3_KEY' };
  const given = { general_settings: {}, sluice_settings: { files: { s3 } } };
  const env = { S3_ID: 'planted-id', S3_KEY: 'planted-secret' };
  const without = { models: 'none', masterKey: false, files: false } as const;
  assert.equal((await load(without, {}, given)).sluice.files.s3?.credentials, null);
  assert.equal((await load(without, env, given)).sluice.files.s3?.credentials, null);
  const needed = { ...without, files: true };
  const { credentials } = (await load(needed, env, given)).sluice.files.s3 ?? {};
  assert.deepEqual(credentials, { accessKeyId: 'planted-id', secretAccessKey: 'planted-secret' });
  await assert.rejects(load(needed, {}, given), /S3_ID is not set[\s\S]*S3_KEY is not set/);
});
