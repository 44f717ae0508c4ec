import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DailySpend, SpendReports, SpendRow, SpendRowFilter } from '@sluice/shared/ports/spend-reports.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { masterKey, openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let key: string;
const asked: { rows?: SpendRowFilter; daily?: object; byKey?: object; byModel?: object } = {};
const books: { rows: SpendRow[]; daily: DailySpend[]; byKey: { keyHash: string; spendNanoUsd: bigint }[] } = {
  rows: [],
  daily: [],
  byKey: [],
};

const reports: Partial<SpendReports> = {
  async rows(filter) {
    asked.rows = filter;
    return books.rows;
  },
  async daily(query) {
    asked.daily = query;
    return books.daily;
  },
  async byKey(query) {
    asked.byKey = query;
    return books.byKey;
  },
  async byModel(query) {
    asked.byModel = query;
    return [{ model: 'oci/xai.grok-4', spendNanoUsd: 1n }];
  },
};

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql, reports));
  key = await gateway.generate({ key_alias: 'spender', metadata: { team: 'blue' } });
});
after(() => resources.disposeAsync());

test('GET /spend/logs 200: rows of a key, raw or as hash', async () => {
  books.rows = [row(1), row(2)];
  for (const api_key of [key, hashKey(key)]) {
    const { status, body, headers } = await gateway.get(`/spend/logs?api_key=${api_key}`);
    assert.equal(status, 200);
    assert.deepEqual(body, books.rows);
    assert.equal(headers.get('x-sluice-truncated'), null);
    assert.equal(asked.rows?.keyHash, hashKey(key));
  }
});

test('GET /spend/logs 200: filters are passed on', async () => {
  await gateway.get('/spend/logs?user_id=u&request_id=chatcmpl-1');
  assert.deepEqual(rowsAsked(), { keyHash: undefined, userId: 'u', requestId: 'chatcmpl-1', limit: 10_001 });
  await gateway.get('/spend/logs?start_date=2027-01-30&end_date=2027-01-31&summarize=false');
  const wholeDays = { from: Date.parse('2027-01-30'), to: Date.parse('2027-02-01') };
  assert.deepEqual(rowsAsked(), {
    keyHash: undefined,
    userId: undefined,
    requestId: undefined,
    ...wholeDays,
    limit: 10_001,
  });
});

test("GET /spend/logs 200: the operator's own calls, by the master key", async () => {
  await gateway.get(`/spend/logs?api_key=${encodeURIComponent(masterKey)}`);
  assert.equal(asked.rows?.keyHash, 'litellm_proxy_master_key');
  await gateway.get('/spend/logs?api_key=litellm_proxy_master_key');
  assert.equal(asked.rows?.keyHash, 'litellm_proxy_master_key');
});

test('GET /spend/logs 200: a virtual key sees its own rows only', async () => {
  for (const query of ['', `?api_key=${key}`, '?user_id=somebody', '?request_id=chatcmpl-1']) {
    await gateway.get(`/spend/logs${query}`, { key });
    assert.equal(asked.rows?.keyHash, hashKey(key), query);
  }
  delete asked.rows;
  const { status, body } = await gateway.get('/spend/logs?api_key=sk-another', { key });
  assert.equal(status, 200);
  assert.deepEqual(body, []);
  assert.equal(asked.rows, undefined);

  await gateway.get('/spend/logs?start_date=2027-01-01&end_date=2027-01-31', { key });
  assert.equal(Reflect.get(asked.daily ?? {}, 'keyHash'), hashKey(key));
});

test('GET /spend/logs 200: the newest ten thousand, and a header when there are more', async () => {
  books.rows = Array.from({ length: 10_001 }, (_, n) => row(n));
  const { body, headers } = await gateway.get('/spend/logs');
  assert.equal(headers.get('x-sluice-truncated'), 'true');
  assert.equal(body.length, 10_000);
  assert.equal(body.at(-1).request_id, 'chatcmpl-10000');
});

test('GET /spend/logs 200: with dates, sums per day', async () => {
  const [a, b] = [hashKey('sk-a'), hashKey('sk-b')];
  books.daily = [
    { day: '2027-01-30', keyHash: a, userId: 'u', model: 'm1', spendNanoUsd: 100_000_000n },
    { day: '2027-01-30', keyHash: a, userId: 'u', model: 'm2', spendNanoUsd: 200_000_000n },
    { day: '2027-01-30', keyHash: b, userId: 'v', model: 'm1', spendNanoUsd: 1n },
    { day: '2027-01-31', keyHash: a, userId: 'u', model: '__proto__', spendNanoUsd: 5_000_000_000n },
  ];
  const { body } = await gateway.get('/spend/logs?start_date=2027-01-30&end_date=2027-01-31');
  assert.equal(body.length, 2);
  assert.deepEqual(body[0], {
    startTime: '2027-01-30',
    spend: 0.300000001,
    users: { u: 0.3, v: 1e-9 },
    models: { m1: 0.100000001, m2: 0.2 },
    [a]: 0.3,
    [b]: 1e-9,
  });
  assert.deepEqual(Object.entries(body[1].models), [['__proto__', 5]]);

  const filtered = await gateway.get('/spend/logs?start_date=2027-01-30&end_date=2027-01-31&user_id=v');
  assert.deepEqual(filtered.body.map(({ spend }: { spend: number }) => spend), [1e-9]); // prettier-ignore
});

test('GET /global/spend/keys 200: with names and metadata; a deleted key without', async () => {
  books.byKey = [
    { keyHash: hashKey('sk-deleted'), spendNanoUsd: 2_000_000_000n },
    { keyHash: hashKey(key), spendNanoUsd: 1_500_000_001n },
  ];
  const { status, body } = await gateway.get('/global/spend/keys?limit=2');
  assert.equal(status, 200);
  assert.deepEqual(body, [
    { api_key: hashKey('sk-deleted'), key_alias: null, key_name: null, metadata: {}, total_spend: 2 },
    {
      api_key: hashKey(key),
      key_alias: 'spender',
      key_name: `sk-...${key.slice(-4)}`,
      metadata: { team: 'blue' },
      total_spend: 1.500000001,
    },
  ]);
  assert.deepEqual(asked.byKey, { since: Date.parse('2027-01-02'), limit: 2 });
});

test('GET /global/spend/models 200', async () => {
  const { body } = await gateway.get('/global/spend/models');
  assert.deepEqual(body, [{ model: 'oci/xai.grok-4', total_spend: 1e-9 }]);
  assert.deepEqual(asked.byModel, { since: Date.parse('2027-01-02'), limit: 10 });
});

const refused = [
  '/global/spend/keys?limit=ten',
  '/global/spend/models?limit=1.5',
  '/global/spend/models?limit=0',
  '/global/spend/models?limit=-1',
  '/spend/logs?start_date=yesterday',
  '/spend/logs?start_date=2027-02-30',
  '/spend/logs?end_date=2027-01-01&summarize=perhaps',
  '/spend/logs?user_id=%00',
];
for (const path of refused) {
  test(`GET ${path} 422`, async () => {
    const { status, body } = await gateway.get(path);
    assert.equal(status, 422);
    assert.equal(body.detail[0].loc[0], 'query');
  });
}

test('GET /spend/logs 400: an end before its start', async () => {
  const { status } = await gateway.get('/spend/logs?start_date=2027-02-02&end_date=2027-02-01');
  assert.equal(status, 400);
});

/** A function, or the compiler would take one assertion's word for the next. */
function rowsAsked(): SpendRowFilter | undefined {
  return asked.rows;
}

function row(n: number): SpendRow {
  return {
    request_id: `chatcmpl-${n}`,
    call_type: 'acompletion',
    api_key: 'hash',
    spend: 0.1,
    total_tokens: 3,
    prompt_tokens: 1,
    completion_tokens: 2,
    startTime: '2027-01-31T00:00:00.000Z',
    endTime: '2027-01-31T00:00:01.000Z',
    completionStartTime: null,
    request_duration_ms: 1000,
    model: 'oci/xai.grok-4',
    model_id: null,
    model_group: 'grok',
    custom_llm_provider: 'oci',
    api_base: null,
    user: 'u',
    metadata: {},
    cache_hit: 'False',
    cache_key: 'Cache OFF',
    request_tags: [],
    team_id: null,
    organization_id: null,
    end_user: '',
    requester_ip_address: null,
    session_id: null,
    status: 'success',
    messages: {},
    response: {},
    proxy_server_request: {},
    mcp_namespaced_tool_name: null,
    agent_id: null,
  };
}
