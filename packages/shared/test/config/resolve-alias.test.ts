import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayConfig } from '../../src/config/gateway-config.ts';
import { deploymentsOf, queuesOf, requestedName, resolveAlias } from '../../src/config/resolve-alias.ts';
import { load, ociEnv } from './sample-config.ts';

type Entry = { model_name: string; litellm_params: Record<string, unknown>; model_info?: Record<string, unknown> };

const entry = (model_name: string, model: string, params: Record<string, unknown> = {}, model_info = {}): Entry => ({
  model_name,
  litellm_params: { model, ...params },
  model_info,
});

async function configOf(model_list: readonly Entry[], more: Record<string, unknown> = {}): Promise<GatewayConfig> {
  const { config, problems } = await load({
    values: { model_list, ...more },
    env: { ...ociEnv, OPENAI_API_KEY: 'sk' },
  });
  assert.deepEqual(problems, []);
  assert.ok(config);
  return config;
}

const config = await configOf([
  entry('oci/*', 'oci/*', { temperature: 0.2, weight: 3 }, { id: 'any' }),
  entry('oci/xai.*', 'oci/xai.*', { oci_region: 'us-phoenix-1' }),
  entry('oci/xai.grok-4', 'oci/xai.grok-3'),
  entry('team-*/*-chat', 'oci/*.*'),
  entry('gpt-*', 'openai/gpt-4o'),
  entry('*', 'oci/*', {}, { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 }),
]);

const found: { name: string; models: readonly string[] | null; queue?: string; why: string }[] = [
  { name: 'oci/xai.grok-4', models: ['oci/xai.grok-3'], why: 'the exact name wins' },
  { name: 'oci/xai.grok-3', models: ['oci/xai.grok-3'], queue: 'oci/xai.*', why: 'the most specific pattern wins' },
  { name: 'oci/cohere.command-a-03-2025', models: ['oci/cohere.command-a-03-2025'], queue: 'oci/*', why: 'a pattern' },
  { name: 'team-xai/grok-4-chat', models: ['oci/xai.grok-4'], queue: 'team-*/*-chat', why: 'several *, in order' },
  { name: 'gpt-anything', models: ['openai/gpt-4o'], queue: 'gpt-*', why: 'a model without * is the same for all' },
  { name: 'xai.grok-4', models: ['oci/xai.grok-4'], queue: '*', why: 'everything else' },
  { name: 'oci/', models: null, why: 'no model without a name' },
  { name: 'oci/a b', models: null, why: 'no model with a space' },
  { name: 'oci/../admin', models: null, why: 'no way into another folder' },
  { name: 'oci/x/..', models: null, why: 'nor out of one' },
  { name: 'oci/*', models: null, why: 'the pattern itself is no name' },
  { name: 'gpt-\n', models: null, why: 'no control characters' },
  { name: `oci/${'x'.repeat(253)}`, models: null, why: 'no endless names' },
  { name: '', models: null, why: 'no name' },
];
for (const { name, models, queue, why } of found) {
  test(`alias of ${JSON.stringify(name.slice(0, 40))}: ${why}`, () => {
    const alias = resolveAlias(config, name);
    assert.deepEqual(alias?.deployments.map(({ model }) => model) ?? null, models);
    assert.equal(alias?.queue, queue);
    if (alias) assert.deepEqual([alias.name, alias.deployments[0]?.alias], [name, name]);
  });
}

test('wildcard: what a deployment says holds for each of its models, and the book for what it is', () => {
  const [llama] = deploymentsOf(config, ['oci/meta.llama-3.3-70b-instruct']);
  assert.partialDeepStrictEqual(llama, {
    entryId: 'any',
    provider: 'oci',
    upstreamModel: 'meta.llama-3.3-70b-instruct',
    price: { inputNanoUsdPerMillion: 720_000_000, outputNanoUsdPerMillion: 720_000_000 },
    priceSource: 'oci-prices@2026-11-21',
    maxOutputTokens: 4_000,
    weight: 3,
    defaultParams: { temperature: 0.2 },
  });
  assert.equal(resolveAlias(config, 'oci/cohere.embed-v4.0')?.mode, 'embedding');
  assert.deepEqual(deploymentsOf(config, ['oci/cohere.embed-v4.0'])[0]?.defaultParams, {}, 'no temperature of vectors');
  assert.equal(resolveAlias(config, 'oci/cohere.rerank.v3-5')?.mode, 'rerank');
});

test('wildcard: a model that no book lists costs the default price, or the configured one', () => {
  const [unlisted] = deploymentsOf(config, ['oci/nobody.knows-1']);
  assert.deepEqual(
    [unlisted?.priceSource, unlisted?.price],
    ['default', { inputNanoUsdPerMillion: 10_680_000_000, outputNanoUsdPerMillion: 25_000_000_000 }],
  );
  const [priced] = deploymentsOf(config, ['nobody.knows-1']);
  assert.deepEqual([priced?.priceSource, priced?.price.inputNanoUsdPerMillion], ['config', 1_000_000_000]);
});

test('wildcard: a model has an id of its own, the same in every process', async () => {
  const names = ['oci/a', 'oci/b', 'oci/xai.a'];
  const ids = deploymentsOf(config, names).map(({ id }) => id);
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  const again = await configOf([
    entry('oci/*', 'oci/*', { temperature: 0.7 }, { id: 'any' }),
    entry('oci/xai.*', 'oci/xai.*', { oci_region: 'us-phoenix-1' }),
  ]);
  assert.deepEqual(
    deploymentsOf(again, names).map(({ id }) => id),
    ids,
  );
});

test('wildcard: a name that brings the prefix along does not get it twice', () => {
  const [deployment] = deploymentsOf({ ...config, aliases: new Map() }, ['oci-x/y']);
  assert.equal(deployment?.model, 'oci/oci-x/y');
  const everything = { aliases: new Map(), wildcards: config.wildcards.filter(({ pattern }) => pattern === '*') };
  assert.equal(deploymentsOf(everything, ['oci/xai.grok-4'])[0]?.model, 'oci/xai.grok-4');
});

test('wildcard: entries of one pattern are deployments of one alias, as long as they share a mode', async () => {
  const two = await configOf([
    entry('oci/*', 'oci/*'),
    entry('oci/*', 'oci/*', { oci_region: 'us-phoenix-1' }),
    entry('oci/*', 'oci/*', {}, { mode: 'embedding' }),
  ]);
  const alias = resolveAlias(two, 'oci/xai.grok-4');
  assert.deepEqual([alias?.mode, new Set(alias?.deployments.map(({ id }) => id)).size], ['chat', 2]);
  assert.deepEqual(queuesOf(two), ['oci/*']);
});

test('wildcard: a resolved name stays the same object while it is in use, and few are kept', () => {
  const first = resolveAlias(config, 'oci/kept');
  const lost = resolveAlias(config, 'oci/lost');
  for (let n = 0; n < 2_000; n += 1) {
    resolveAlias(config, `oci/model-${n}`);
    assert.equal(resolveAlias(config, 'oci/kept'), first);
  }
  assert.notEqual(resolveAlias(config, 'oci/lost'), lost);
  assert.deepEqual(resolveAlias(config, 'oci/lost'), lost);
});

test('wildcard: a hundred wildcards and a long name take no time', async () => {
  const many = Array.from({ length: 100 }, (_, n) => entry(`${'*a'.repeat(50)}${n}*`, 'oci/xai.grok-4'));
  const hostile = await configOf(many);
  assert.equal(resolveAlias(hostile, 'a'.repeat(256)), null);
  assert.equal(resolveAlias(hostile, 'a'.repeat(1_000_000)), null);
});

test('wildcards know the names under which clients reach the models of the price book', async () => {
  const grok = await configOf([entry('mine', 'oci/xai.grok-4'), entry('oci/xai.grok-3*', 'oci/xai.grok-3*')]);
  const names = ['oci/xai.grok-3', 'oci/xai.grok-3-fast', 'oci/xai.grok-3-mini', 'oci/xai.grok-3-mini-fast'];
  assert.deepEqual(grok.wildcards[0]?.knownNames, names);
  const renamed = await configOf([entry('my/*', 'oci/cohere.embed-english*')]);
  assert.deepEqual(renamed.wildcards[0]?.knownNames, [
    'my/-v3.0',
    'my/-light-v3.0',
    'my/-image-v3.0',
    'my/-light-image-v3.0',
  ]);
  const all = config.wildcards.flatMap(({ knownNames }) => knownNames);
  assert.ok(all.includes('oci/openai.gpt-oss-120b'), 'also without a price');
});

const list = [entry('grok', 'oci/xai.grok-4'), entry('oci/*', 'oci/*')];

test('other names: an alias with the same deployments, in the same queue', async () => {
  const named = await configOf(list, {
    router_settings: { model_group_alias: { 'gpt-4': 'grok', secret: { model: 'oci/xai.grok-3', hidden: true } } },
    litellm_settings: { model_alias_map: { 'gpt-4': 'oci/xai.grok-3-mini', old: 'grok' } },
  });
  const [gpt, grok, secret, old] = ['gpt-4', 'grok', 'secret', 'old'].map((name) => resolveAlias(named, name));
  assert.deepEqual(gpt, {
    name: 'gpt-4',
    mode: 'chat',
    queue: 'grok',
    standsFor: 'grok',
    deployments: grok?.deployments.map((deployment) => ({ ...deployment, alias: 'gpt-4' })),
  });
  assert.partialDeepStrictEqual(secret, { queue: 'oci/*', standsFor: 'oci/xai.grok-3', hidden: true });
  assert.equal(old?.standsFor, 'grok');
  assert.deepEqual(queuesOf(named), ['grok', 'oci/*']);
});

test('other names come before an entry of the same name, with a warning', async () => {
  const values = { model_list: list, router_settings: { model_group_alias: { grok: 'oci/xai.grok-3' } } };
  const { config: named, warnings } = await load({ values });
  assert.equal(named && resolveAlias(named, 'grok')?.standsFor, 'oci/xai.grok-3');
  assert.deepEqual(warnings, [
    'router_settings.model_group_alias.grok: is a model_name too; requests for it go to this one',
  ]);
});

const wrong: { why: string; values: Record<string, unknown>; problem: string }[] = [
  {
    why: 'nobody',
    values: { model_list: [list[0]], router_settings: { model_group_alias: { a: 'grik' } } },
    problem: 'router_settings.model_group_alias.a: "grik" is no alias of model_list; did you mean "grok"?',
  },
  {
    why: 'another other name',
    values: { model_list: [list[0]], litellm_settings: { model_alias_map: { a: 'grok', b: 'a' } } },
    problem: 'litellm_settings.model_alias_map.b: "a" is no alias of model_list',
  },
  {
    why: 'a wildcard',
    values: { model_list: list, litellm_settings: { model_alias_map: { a: 'oci/*' } } },
    problem: 'litellm_settings.model_alias_map.a: expected one alias, got a wildcard',
  },
  {
    why: 'as a wildcard',
    values: { model_list: list, litellm_settings: { model_alias_map: { 'a*': 'grok' } } },
    problem: 'litellm_settings.model_alias_map.a*: expected a name of 1 to 256 characters without *',
  },
  {
    why: 'nothing',
    values: { model_list: list, litellm_settings: { model_alias_map: { a: { hidden: true } } } },
    problem: 'litellm_settings.model_alias_map.a.model: missing; expected an alias of model_list',
  },
  {
    why: 'a list',
    values: { model_list: list, litellm_settings: { model_alias_map: { a: [] } } },
    problem: 'litellm_settings.model_alias_map.a: expected a string, got a list',
  },
  {
    why: 'a wildcard as a fallback',
    values: { model_list: list, router_settings: { fallbacks: [{ grok: ['oci/*'] }] } },
    problem: 'router_settings.fallbacks[0].grok[0]: a fallback must be one alias, not a wildcard',
  },
  {
    why: 'a fallback of another mode, found by a wildcard',
    values: { model_list: list, router_settings: { fallbacks: [{ grok: ['oci/cohere.embed-v4.0'] }] } },
    problem:
      'router_settings.fallbacks[0].grok[0]: "oci/cohere.embed-v4.0" is an alias for embedding, but "grok" for chat',
  },
  {
    why: 'more * than the name has',
    values: { model_list: [entry('a/*', 'oci/*.*')] },
    problem: 'model_list[0].litellm_params.model: has 2 *, but model_name only 1 to fill them from',
  },
];
for (const { why, values, problem } of wrong) {
  test(`problem of a name: ${why}`, async () => assert.deepEqual((await load({ values })).problems, [problem]));
}

const named = await configOf(
  [
    entry('grok', 'oci/xai.grok-4', {}, { id: 'grok-chicago' }),
    entry('grok', 'oci/xai.grok-4', { oci_region: 'us-phoenix-1' }, { id: 'grok-phoenix' }),
    entry('other', 'oci/xai.grok-3', {}, { id: 'mini' }),
    entry('shared', 'oci/xai.grok-3', { oci_region: 'us-phoenix-1' }),
    entry('mini', 'oci/xai.grok-3-mini'),
    entry('oci/xai.grok-4-fast-reasoning', 'oci/xai.grok-3-mini', { oci_region: 'us-phoenix-1' }),
    entry('fast', 'oci/xai.grok-4-fast-reasoning', {}, { id: 'fast' }),
    entry('oci/cohere.*', 'oci/cohere.*', {}, { id: 'any-cohere' }),
    entry('command', 'oci/cohere.command-a-03-2025', {}, { id: 'command-a' }),
  ],
  { router_settings: { model_group_alias: { 'gpt-4': 'fast' }, fallbacks: [{ '*': ['grok', 'command'] }] } },
);
const groks = ['grok-chicago', 'grok-phoenix'];

/** Contract §8.5 "Resolve", step by step. `is`: the name that it means, null: nothing; `ids` of its deployments. */
const resolved: { name: string; specific?: true; is: string | null; ids?: readonly string[]; why: string }[] = [
  { name: 'grok-phoenix', is: 'grok-phoenix', ids: ['grok-phoenix'], why: 'the id of one of several deployments' },
  { name: 'mini', is: 'mini', ids: ['mini'], why: 'an id comes before a model_name' },
  { name: 'fast', is: 'fast', ids: ['fast'], why: 'an id that is its own model_name is just that' },
  { name: 'gpt-4', is: 'gpt-4', ids: ['fast'], why: 'another name' },
  { name: 'grok', is: 'grok', ids: groks, why: 'a model_name' },
  { name: 'oci/cohere.command-a-03-2025', is: 'oci/cohere.command-a-03-2025', why: 'a wildcard' },
  { name: 'oci/xai.grok-4', is: 'oci/xai.grok-4', ids: groks, why: 'a model of the file' },
  { name: 'any-cohere', is: 'grok', ids: groks, why: 'the id of a wildcard names no model' },
  { name: 'nobody', is: 'grok', ids: groks, why: 'the first default fallback' },
  { name: 'nobody', specific: true, is: null, why: 'specific_deployment: no model of the file' },
  { name: 'grok', specific: true, is: null, why: 'specific_deployment: no model_name' },
  { name: 'oci/xai.grok-4', specific: true, is: 'oci/xai.grok-4', ids: groks, why: 'specific_deployment' },
  {
    name: 'oci/xai.grok-4-fast-reasoning',
    specific: true,
    is: 'fast',
    ids: ['fast'],
    why: 'specific_deployment: the model, not the model_name',
  },
  {
    name: 'oci/cohere.command-a-03-2025',
    specific: true,
    is: 'command-a',
    ids: ['command-a'],
    why: 'specific_deployment: the model, not the wildcard',
  },
];
for (const { name, specific = false, is, ids, why } of resolved) {
  test(`requested ${name}: ${why}`, () => {
    assert.equal(
      requestedName(named, { model: name, specificDeployment: specific }, () => true),
      is,
    );
    const deployments = deploymentsOf(named, is === null ? [] : [is]);
    for (const { alias } of deployments) assert.equal(alias, is);
    const called = deployments.map(({ id }) => id);
    if (ids) assert.deepEqual(called, ids);
  });
}

test('requested: a wildcard comes before a model of the file', () => {
  assert.equal(resolveAlias(named, 'oci/cohere.command-a-03-2025')?.queue, 'oci/cohere.*');
});

test('requested: what nobody knows means the first default fallback that is allowed', () => {
  const asked = { model: 'nobody', specificDeployment: false };
  assert.equal(
    requestedName(named, asked, ({ name }) => name === 'command'),
    'command',
  );
  assert.equal(
    requestedName(named, asked, () => false),
    null,
  );
});

test('deployments by id and model wait in the queue of their alias, which says who may use them', () => {
  assert.partialDeepStrictEqual(resolveAlias(named, 'grok-phoenix'), {
    queue: 'grok',
    standsFor: 'grok',
    isOneDeployment: true,
  });
  assert.partialDeepStrictEqual(resolveAlias(named, 'oci/xai.grok-4'), { queue: 'grok', standsFor: 'grok' });
  const ofTwo = resolveAlias(named, 'oci/xai.grok-3');
  assert.deepEqual([ofTwo?.deployments.length, ofTwo?.standsFor, ofTwo?.queue], [2, undefined, 'other']);
});

test('an id that is the model_name of others is warned about', async () => {
  const { warnings } = await load({
    values: { model_list: [entry('grok', 'oci/xai.grok-4', {}, { id: 'x' }), entry('x', 'oci/xai.grok-3')] },
  });
  assert.deepEqual(warnings, [
    'model_list: "x" is a model_name and a model_info.id; requests for it go to that deployment',
  ]);
});
