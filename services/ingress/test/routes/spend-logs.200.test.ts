import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SpendLogQuery, SpendReports, SpendRow, SpendRowFilter } from '@sluice/shared/ports/spend-reports.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { masterKey, openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let key: string;
const asked: { rows?: SpendRowFilter; logs?: SpendLogQuery } = {};
const books: { rows: SpendRow[] } = { rows: [] };

const reports: Partial<SpendReports> = {
  async rows(filter) {
    asked.rows = filter;
    return books.rows;
  },
  async logs(query) {
    asked.logs = query;
    return { rows: books.rows.slice(0, 1), total: 100_000, complete: false };
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
});

test('GET /spend/logs 200: the newest ten thousand, and a header when there are more', async () => {
  books.rows = Array.from({ length: 10_001 }, (_, n) => row(n));
  const { body, headers } = await gateway.get('/spend/logs');
  assert.equal(headers.get('x-sluice-truncated'), 'true');
  assert.equal(body.length, 10_000);
  assert.equal(body.at(-1).request_id, 'chatcmpl-10000');
});

test('GET /spend/logs/v2 200: a hundred thousand rows are looked at, and a header says when there are more', async () => {
  const { body, headers } = await gateway.get('/spend/logs/v2?page=1000&page_size=100');
  assert.equal(headers.get('x-sluice-truncated'), 'true');
  assert.deepEqual([body.total, body.total_pages], [100_000, 1_000]);
  assert.partialDeepStrictEqual(asked.logs, { lookAtMax: 100_000, offset: 99_900, limit: 100 });
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
