import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CatalogPlace } from '@sluice/shared/contracts/model-catalog.ts';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import express from 'express';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import { createKnownModels } from '../../src/models/known-models.ts';
import { modelGroups } from '../../src/routes/management/models/model-group-info.ts';
import { modelInfo, modelInfoPage } from '../../src/routes/management/models/model-info.ts';
import { listModels, retrieveModel } from '../../src/routes/openai/models.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';
import { catalogModel, namesOf, place } from '../models/sample-models.ts';
import { serveApp } from './serve-app.ts';

const masterKey = 'the master key of this test';
const [anyKey, grokKey, ociKey] = ['sk-any', 'sk-grok', 'sk-oci'];
const keys = [
  virtualKey(anyKey),
  virtualKey(grokKey, { models: ['grok', 'oci/xai.*'] }),
  virtualKey(ociKey, { models: ['oci/*'] }),
];

const configured = namesOf({
  grok: ['oci/xai.grok-4', 'oci/xai.grok-3'],
  llama: ['oci/meta.llama-3.3-70b-instruct'],
  'oci/*': ['oci/*'],
});
const here = ['xai.grok-4', 'meta.llama-3.3-70b-instruct', 'cohere.embed-v4.0'].map((name) => catalogModel(name));
const live: CatalogPlace = { id: place, models: here };

/** The routes over HTTP, and what the workers say. */
async function open(list: () => Promise<readonly CatalogPlace[]> = async () => [live], names = configured) {
  const { authenticate } = createAuthenticate({
    masterKey,
    findPrincipal: async (hash) => {
      const found = keys.find((key) => key.hash === hash);
      return found ? principalOf(found) : null;
    },
    findKnown: async () => new Set(keys.map(({ hash }) => hash)),
    now: Date.now,
    cache: { freshMs: 500, staleIfErrorMs: 3_600_000, maxEntries: 100 },
  });
  const asked = { times: 0 };
  const catalog = {
    list() {
      asked.times += 1;
      return list();
    },
  };
  const deps = {
    authenticate,
    names,
    knownModels: createKnownModels({ catalog, now: Date.now, onError: () => {} }),
    prices: loadPriceBook(),
    now: Date.now,
  };
  const app = express()
    .get('/v1/models', listModels(deps))
    .get('/v1/models/*model', retrieveModel(deps))
    .get('/model/info', modelInfo(deps))
    .get('/v2/model/info', modelInfoPage(deps))
    .get('/model_group/info', modelGroups(deps));
  const routes = await serveApp(app);
  return { ...routes, asked, get: (path: string, key = masterKey) => routes.ask(path, key) };
}

const idsIn = (body: { data: readonly { id: string }[] }) => body.data.map(({ id }) => id);
const liveNames = ['oci/cohere.embed-v4.0', 'oci/meta.llama-3.3-70b-instruct', 'oci/xai.grok-4'];

const lists = [
  { who: 'the operator', key: masterKey, query: '', ids: ['grok', 'llama', ...liveNames] },
  { who: 'any key', key: anyKey, query: '', ids: ['grok', 'llama', ...liveNames] },
  { who: 'a key for some', key: grokKey, query: '', ids: ['grok', 'oci/xai.grok-4'] },
  { who: 'a key for a wildcard', key: ociKey, query: '', ids: liveNames },
  {
    who: 'the operator, with wildcards',
    key: masterKey,
    query: '?return_wildcard_routes=true',
    ids: ['grok', 'llama', ...liveNames, 'oci/*'],
  },
  {
    who: 'a key for some, with wildcards',
    key: grokKey,
    query: '?return_wildcard_routes=True',
    ids: ['grok', 'oci/xai.grok-4'],
  },
  {
    who: 'a key for a wildcard, with it',
    key: ociKey,
    query: '?return_wildcard_routes=true',
    ids: [...liveNames, 'oci/*'],
  },
];

for (const { who, key, query, ids } of lists) {
  test(`GET /v1/models${query} 200 for ${who}`, async () => {
    await using routes = await open();
    const { status, body } = await routes.get(`/v1/models${query}`, key);
    assert.equal(status, 200);
    assert.deepEqual(idsIn(body), ids);
    assert.deepEqual(body.data[0], { id: ids[0], object: 'model', created: 1_677_610_602, owned_by: 'openai' });
  });
}

test('GET /v1/models 200 when nobody knows which models there are: the names of the file', async () => {
  await using routes = await open(() => Promise.reject(new Error('no worker')));
  assert.deepEqual(idsIn((await routes.get('/v1/models')).body), ['grok', 'llama']);
});

test('GET /v1/models 200 without wildcards: no worker is asked', async () => {
  await using routes = await open(undefined, namesOf({ grok: ['oci/xai.grok-4'] }));
  assert.deepEqual(idsIn((await routes.get('/v1/models')).body), ['grok']);
  assert.equal(routes.asked.times, 0);
});

const retrievals = [
  { id: 'grok', key: anyKey, status: 200 },
  { id: 'oci/xai.grok-4', key: anyKey, status: 200 },
  { id: encodeURIComponent('oci/xai.grok-4'), key: anyKey, status: 200 },
  { id: 'oci/xai.grok-9', key: anyKey, status: 404 },
  { id: 'nothing', key: masterKey, status: 404 },
  { id: 'oci/xai.grok-4', key: grokKey, status: 200 },
  { id: 'llama', key: grokKey, status: 404 },
  { id: 'oci/meta.llama-3.3-70b-instruct', key: grokKey, status: 404 },
];

for (const { id, key, status } of retrievals) {
  test(`GET /v1/models/${id} ${status} for ${key}`, async () => {
    await using routes = await open();
    const answer = await routes.get(`/v1/models/${id}`, key);
    assert.equal(answer.status, status);
    if (status === 200) assert.equal(answer.body.id, decodeURIComponent(id));
    else assert.equal(answer.body.error.param, 'model');
  });
}

test('GET /v1/models/{id} 200 when nobody can say whether a wildcard has it', async () => {
  await using routes = await open(() => Promise.reject(new Error('no worker')));
  assert.equal((await routes.get('/v1/models/oci/xai.grok-9')).status, 200);
  assert.equal((await routes.get('/v1/models/nothing')).status, 404);
});

test('GET /model/info 200: each deployment under each name that the caller may use', async () => {
  await using routes = await open();
  const namesFor = async (key: string) =>
    (await routes.get('/model/info', key)).body.data.map((info: { model_name: string }) => info.model_name);
  assert.deepEqual(await namesFor(masterKey), ['grok', 'grok', 'llama', ...liveNames, 'oci/*']);
  assert.deepEqual(await namesFor(anyKey), ['grok', 'grok', 'llama', ...liveNames]);
  assert.deepEqual(await namesFor(grokKey), ['grok', 'grok', 'oci/xai.grok-4']);

  const { body } = await routes.get('/model/info', ociKey);
  const embed = body.data.find((info: { model_name: string }) => info.model_name === 'oci/cohere.embed-v4.0');
  assert.equal(embed.model_info.mode, 'embedding');
  assert.equal(embed.model_info.key, 'oci/cohere.embed-v4.0');
});

test('GET /model/info 200 by id, 404 for one that is not there or not the caller’s', async () => {
  await using routes = await open();
  const path = `/model/info?litellm_model_id=${encodeURIComponent('llama@oci/meta.llama-3.3-70b-instruct')}`;
  const { status, body } = await routes.get(path);
  assert.equal(status, 200);
  assert.deepEqual(
    body.data.map((info: { model_name: string }) => info.model_name),
    ['llama'],
  );
  assert.equal((await routes.get(path, grokKey)).status, 404);
  assert.equal((await routes.get('/model/info?litellm_model_id=none')).status, 404);
});

test('GET /model/info 200: the operator’s answer has what a key’s has not', async () => {
  await using routes = await open();
  const [forOperator, forKey] = await Promise.all(
    [masterKey, anyKey].map(async (key) => JSON.stringify((await routes.get('/model/info', key)).body)),
  );
  for (const place_ of ['oci.example.com', 'ocid1.tenancy', 'ocid1.user', 'ocid1.compartment', 'aa:bb:cc']) {
    assert.ok(forOperator?.includes(place_), place_);
    assert.ok(!forKey?.includes(place_), place_);
  }
  for (const text of [forOperator, forKey]) assert.doesNotMatch(text ?? '', /secret of these tests/);
});

test('GET /v2/model/info 200: page by page, and filtered', async () => {
  await using routes = await open();
  const page = async (query: string) => (await routes.get(`/v2/model/info?${query}`, anyKey)).body;
  const { data, ...counts } = await page('size=4');
  assert.equal(data.length, 4);
  assert.deepEqual(counts, { total_count: 6, current_page: 1, total_pages: 2, size: 4 });
  assert.equal((await page('size=4&page=2')).data.length, 2);
  assert.equal((await page('size=4&page=3')).data.length, 0);
  assert.equal((await page('')).size, 50);
  assert.equal((await page('model=grok')).total_count, 2);
  assert.equal((await page('search=LLAMA')).total_count, 2);
  assert.equal((await page(`modelId=${encodeURIComponent('grok@oci/xai.grok-3')}`)).total_count, 1);
  assert.equal((await routes.get('/v2/model/info?size=0')).status, 422);
});

test('GET /model_group/info 200: each name once; one by name; nothing for what is not there', async () => {
  await using routes = await open();
  const groups = async (query: string, key = anyKey) =>
    (await routes.get(`/model_group/info${query}`, key)).body.data.map(
      (group: { model_group: string }) => group.model_group,
    );
  assert.deepEqual(await groups(''), ['grok', 'llama', ...liveNames]);
  assert.deepEqual(await groups('', grokKey), ['grok', 'oci/xai.grok-4']);
  assert.deepEqual(await groups('?model_group=grok'), ['grok']);
  assert.deepEqual(await groups('?model_group=llama', grokKey), []);
  assert.deepEqual(await groups('?model_group=none'), []);
});

for (const path of ['/v1/models', '/v1/models/grok', '/model/info', '/v2/model/info', '/model_group/info']) {
  test(`GET ${path} 401 without a key that is known`, async () => {
    await using routes = await open();
    assert.equal((await routes.get(path, 'sk-unknown')).status, 401);
    assert.equal(routes.asked.times, 0);
  });
}
