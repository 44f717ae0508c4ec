import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { callIdOf } from '@sluice/shared/ids.ts';
import type { UsageFilter } from '@sluice/shared/ports/spend-reports.ts';
import { bookUsage } from '../src/sql/book-usage.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { openBooks } from './open-books.ts';
import { keyHashOf, startOfTests, usageEvent } from './usage-events.ts';

const cost = usageCostNanoUsd(usageEvent(1));
const day = Date.UTC(2026, 10, 21);
const dayMs = 86_400_000;
const c = BigInt(cost);
const month = { from: day - 30 * dayMs, to: day + dayMs, limit: 100 };

async function openReports() {
  const books = await openBooks();
  return {
    ...createPostgresSpendReports(books.sql),
    book: (...events: ReturnType<typeof usageEvent>[]) => bookUsage(books.sql, events),
    [Symbol.asyncDispose]: () => books[Symbol.asyncDispose](),
  };
}

function onKey(n: number, key: string, change: Parameters<typeof usageEvent>[1] = {}) {
  const { caller } = usageEvent(n);
  return usageEvent(n, { ...change, caller: { ...caller, keyHash: keyHashOf(key) } });
}

test('a completed call is a row in LiteLLM’s words', async () => {
  await using reports = await openReports();
  await reports.book(usageEvent(1));
  // 100 fresh and 20 cached input tokens, and 340 of output: 72,000 + 1,440 + 244,800 nano-USD.
  assert.deepEqual(await reports.rows({ limit: 10 }), [
    {
      request_id: 'chatcmpl-000000000001',
      call_type: 'acompletion',
      api_key: keyHashOf('sk-one'),
      spend: 0.00031824,
      total_tokens: 460,
      prompt_tokens: 120,
      completion_tokens: 340,
      startTime: '2026-11-21T10:00:00.004Z',
      endTime: '2026-11-21T10:00:01.801Z',
      completionStartTime: '2026-11-21T10:00:00.251Z',
      request_duration_ms: 1797,
      model: 'oci/xai.grok-4',
      model_id: 'deployment-1',
      model_group: 'grok',
      custom_llm_provider: 'oci',
      api_base: 'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com',
      user: 'alice',
      metadata: {
        team: 'research',
        owner: 'alice@example.com',
        experiment: 'seven',
        user_api_key: keyHashOf('sk-one'),
        user_api_key_alias: 'notebook',
        user_api_key_team_id: null,
        user_api_key_team_alias: null,
        user_api_key_org_id: null,
        user_api_key_user_id: 'alice',
        user_api_key_user_email: null,
        user_api_key_end_user_id: null,
        user_api_key_project_id: null,
        requester_ip_address: '10.0.0.7',
        requester_metadata: { experiment: 'seven' },
        spend_logs_metadata: null,
        applied_guardrails: [],
        guardrail_information: [],
        status: 'success',
        error_information: null,
        usage_object: {
          prompt_tokens: 120,
          completion_tokens: 340,
          total_tokens: 460,
          prompt_tokens_details: { cached_tokens: 20 },
          completion_tokens_details: { reasoning_tokens: 40 },
        },
        additional_usage_values: {},
        model_map_information: {
          model_map_key: 'oci/xai.grok-4',
          model_map_value: { litellm_provider: 'oci', input_cost_per_token: 7.2e-7, output_cost_per_token: 7.2e-7 },
        },
        cost_breakdown: {
          input_cost: 0.00007344,
          output_cost: 0.0002448,
          total_cost: 0.00031824,
          tool_usage_cost: 0,
          original_cost: 0.00031824,
          discount_percent: 0,
          discount_amount: 0,
          margin_percent: 0,
          margin_total_amount: 0,
        },
        litellm_overhead_time_ms: 3,
        attempted_retries: 0,
        max_retries: null,
        mcp_tool_call_metadata: null,
        vector_store_request_metadata: null,
        batch_models: null,
        cold_storage_object_key: null,
        proxy_server_request: null,
        sluice: {
          outcome: 'completed',
          counted_by: 'provider',
          estimated: false,
          price: {
            inputNanoUsdPerMillion: 720_000_000,
            outputNanoUsdPerMillion: 720_000_000,
            cachedInputNanoUsdPerMillion: 72_000_000,
          },
          price_source: 'oci-prices@2026-11-21',
          attempt: 1,
          call: 1,
          provider_request_id: 'opc-1',
          litellm_call_id: 'call-1',
          answered_by: 'grok',
          characters: { input: 480, output: 1360 },
        },
      },
      cache_hit: 'False',
      cache_key: 'Cache OFF',
      request_tags: ['nightly', 'User-Agent: openai'],
      team_id: null,
      organization_id: null,
      end_user: '',
      requester_ip_address: '10.0.0.7',
      session_id: 'session-1',
      status: 'success',
      messages: {},
      response: {},
      proxy_server_request: {},
      mcp_namespaced_tool_name: null,
      agent_id: null,
    },
  ]);
});

test('what the books know of team, user, customer, organization and cache is in the row', async () => {
  await using reports = await openReports();
  const { caller, origin } = usageEvent(1);
  await reports.book(
    usageEvent(1, {
      caller: {
        ...caller,
        teamId: 'red',
        organizationId: 'acme',
        teamAlias: 'Red team',
        userEmail: 'alice@example.com',
      },
      origin: { ...origin, endUser: 'customer-1' },
      cache: { key: 'a1b2', hit: true },
    }),
    usageEvent(2, { cache: { key: 'c3d4', hit: false } }),
  );
  const [hit, miss] = await reports.rows({ limit: 10 });
  assert.partialDeepStrictEqual(hit, {
    team_id: 'red',
    organization_id: 'acme',
    end_user: 'customer-1',
    cache_hit: 'True',
    cache_key: 'a1b2',
    metadata: {
      user_api_key_team_id: 'red',
      user_api_key_team_alias: 'Red team',
      user_api_key_org_id: 'acme',
      user_api_key_user_email: 'alice@example.com',
      user_api_key_end_user_id: 'customer-1',
    },
  });
  assert.deepEqual([miss?.cache_hit, miss?.cache_key], ['False', 'c3d4']);
  const [{ cacheHits } = { cacheHits: null }] = await reports.usage({
    ...month,
    of: 'request',
    by: [],
    order: 'spend',
  });
  assert.equal(cacheHits, 1);
});

for (const { priceSource, original, said } of [
  { priceSource: 'config', original: 1, said: { discount_percent: 0, margin_percent: 0 } },
  { priceSource: 'config x 0.5', original: 2, said: { discount_percent: 0.5, margin_percent: 0 } },
  { priceSource: 'oci-prices@2026-11-21 x 0.8', original: 1.25, said: { discount_percent: 0.2, margin_percent: 0 } },
  { priceSource: 'config x 1.25', original: 0.8, said: { discount_percent: 0, margin_percent: 0.25 } },
]) {
  test(`a breakdown says what the price factor of a batch took off or added: ${priceSource}`, async () => {
    await using reports = await openReports();
    await reports.book(usageEvent(1, { priceSource }));
    const [row] = await reports.rows({ limit: 10 });
    const usd = (nanoUsd: number) => nanoUsd / 1e9;
    assert.partialDeepStrictEqual(row?.metadata.cost_breakdown, {
      ...said,
      total_cost: usd(cost),
      original_cost: usd(original * cost),
      discount_amount: usd(Math.max(0, original * cost - cost)),
      margin_total_amount: usd(Math.max(0, cost - original * cost)),
    });
  });
}

test('a breakdown knows the price of reasoning', async () => {
  await using reports = await openReports();
  const price = {
    inputNanoUsdPerMillion: 1_000_000,
    outputNanoUsdPerMillion: 1_000_000,
    reasoningNanoUsdPerMillion: 3_000_000,
  };
  await reports.book(usageEvent(1, { price }));
  const [row] = await reports.rows({ limit: 10 });
  assert.partialDeepStrictEqual(row?.metadata.sluice, { price });
  // 120 of input; 300 of text and 40 of reasoning, thrice as dear.
  assert.partialDeepStrictEqual(row?.metadata.cost_breakdown, { input_cost: 1.2e-7, output_cost: 4.2e-7 });
});

test('a rerank has its search units, at their price, on the side of its input', async () => {
  await using reports = await openReports();
  const usage = { inputTokens: 120, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0, searchUnits: 3 };
  const price = { inputNanoUsdPerMillion: 1_000_000, outputNanoUsdPerMillion: 0, searchNanoUsd: 2_000_000 };
  await reports.book(usageEvent(1, { callType: 'arerank', usage, price }));
  const [row] = await reports.rows({ limit: 10 });
  assert.deepEqual([row?.call_type, row?.spend], ['arerank', 0.00600012]);
  assert.partialDeepStrictEqual(row?.metadata.cost_breakdown, {
    input_cost: 0.00600012,
    output_cost: 0,
    total_cost: 0.00600012,
  });
  assert.partialDeepStrictEqual(row?.metadata.sluice, { search_units: 3, price });
});

test('a cut call is a failure with spend, marked as estimated', async () => {
  await using reports = await openReports();
  const error = { code: 'stream_interrupted', status: 502, message: 'The stream broke.' };
  await reports.book(
    usageEvent(1, { outcome: 'cut', countedBy: 'gateway', error }),
    usageEvent(2, { outcome: 'cut', costCeilingNanoUsd: 999_999_999 }),
  );
  const [broken, lost] = await reports.rows({ limit: 10 });
  assert.equal(broken?.status, 'failure');
  assert.equal(broken?.spend, cost / 1e9);
  assert.partialDeepStrictEqual(broken?.metadata.sluice, { outcome: 'cut', counted_by: 'gateway', estimated: true });
  assert.deepEqual(broken?.metadata.error_information, {
    error_code: '502',
    error_class: 'stream_interrupted',
    error_message: 'The stream broke.',
    traceback: '',
    llm_provider: 'oci',
    category: null,
    rate_limit_type: null,
  });
  assert.equal(lost?.spend, 0.999999999);
  assert.partialDeepStrictEqual(lost?.metadata.cost_breakdown, {
    input_cost: 0.00007344,
    output_cost: 0.999926559,
    total_cost: 0.999999999,
  });
});

test('a failed call is a failure that cost nothing', async () => {
  await using reports = await openReports();
  const none = { price: null, priceSource: null, model: '', deploymentId: null, provider: null, apiBase: null };
  await reports.book(usageEvent(1, { ...none, outcome: 'failed', streamed: false, firstTokenAt: null }));
  const [row] = await reports.rows({ limit: 10 });
  assert.equal(row?.status, 'failure');
  assert.equal(row?.spend, 0);
  assert.equal(row?.model, '');
  assert.equal(row?.completionStartTime, row?.endTime, 'as for every answer that is no stream');
  assert.partialDeepStrictEqual(row?.metadata.cost_breakdown, { input_cost: 0, output_cost: 0, total_cost: 0 });
  assert.partialDeepStrictEqual(row?.metadata.sluice, { outcome: 'failed', price: null, estimated: false });
});

test('metadata take no reserved name, and the key’s win over the request’s', async () => {
  await using reports = await openReports();
  const { caller, origin } = usageEvent(1);
  const spoof = { status: 'success', sluice: 1, batch_models: ['x'], team: 'others', spend_logs_metadata: { a: 1 } };
  await reports.book(
    usageEvent(1, {
      outcome: 'cut',
      caller: { ...caller, metadata: { team: 'research', user_api_key: 'x' } },
      origin: { ...origin, metadata: spoof },
    }),
  );
  const [row] = await reports.rows({ limit: 10 });
  assert.equal(row?.metadata.status, 'failure');
  assert.equal(row?.metadata.team, 'research');
  assert.equal(row?.metadata.user_api_key, keyHashOf('sk-one'));
  assert.equal(row?.metadata.batch_models, null);
  assert.deepEqual(row?.metadata.spend_logs_metadata, { a: 1 });
  assert.deepEqual(row?.metadata.requester_metadata, spoof);
});

test('rows: the newest that match, in ascending start time', async () => {
  await using reports = await openReports();
  await reports.book(onKey(1, 'sk-a'), onKey(2, 'sk-b'), onKey(3, 'sk-a'), onKey(4, 'sk-a'));
  const ids = async (filter: Omit<Parameters<typeof reports.rows>[0], 'limit'>, limit = 10) =>
    (await reports.rows({ ...filter, limit })).map((row) => Number(row.request_id.slice(-3)));
  assert.deepEqual(await ids({}), [1, 2, 3, 4]);
  assert.deepEqual(await ids({}, 2), [3, 4]);
  assert.deepEqual(await ids({ keyHash: keyHashOf('sk-a') }), [1, 3, 4]);
  assert.deepEqual(await ids({ keyHash: keyHashOf('sk-a') }, 2), [3, 4]);
  assert.deepEqual(await ids({ requestId: usageEvent(2).requestId }), [2]);
  assert.deepEqual(await ids({ requestId: usageEvent(2).requestId, keyHash: keyHashOf('sk-a') }), []);
  assert.deepEqual(await ids({ userId: 'nobody' }), []);
  assert.deepEqual(await ids({ userId: 'alice', from: usageEvent(2).startedAt, to: usageEvent(4).startedAt }), [2, 3]);
});

/** Six calls of two keys, in two teams and on two days; one failed, one without a customer. */
async function bookUsual(reports: Awaited<ReturnType<typeof openReports>>): Promise<void> {
  const { caller, origin } = usageEvent(1);
  const call = (n: number, key: string, teamId: string | null, change: Parameters<typeof usageEvent>[1] = {}) =>
    usageEvent(n, {
      caller: { ...caller, keyHash: keyHashOf(key), teamId, organizationId: 'acme' },
      origin: {
        ...origin,
        tags: n % 2 === 0 ? ['even', 'even'] : ['odd', 'User-Agent: x'],
        endUser: n === 1 ? null : `c${n % 2}`,
      },
      ...change,
    });
  const error = { code: 'provider_throttled', status: 429, message: 'Too many.' };
  await reports.book(
    call(1, 'sk-a', 'red'),
    call(2, 'sk-a', 'red'),
    call(3, 'sk-a', 'red', { startedAt: day - 1 }),
    call(4, 'sk-b', 'blue', { outcome: 'failed', error }),
    call(5, 'sk-b', 'blue', { model: 'oci/cohere.command-a' }),
    call(6, 'sk-c', null),
  );
}

test('usage by any field, of any kind: with and without the fields that totals have', async () => {
  await using reports = await openReports();
  await bookUsual(reports);
  const request = { ...month, of: 'request', order: 'spend' } as const;
  const [all, ...more] = await reports.usage({ ...request, by: [] });
  assert.deepEqual(more, []);
  assert.deepEqual(all, {
    spendNanoUsd: 5n * c,
    inputTokens: 720,
    outputTokens: 2040,
    cachedInputTokens: 120,
    reasoningTokens: 240,
    requestsOk: 5,
    requestsFailed: 1,
    cacheHits: 0,
  });
  const teams = await reports.usage({ ...request, by: ['teamId'] });
  assert.deepEqual(
    teams.map(({ teamId, spendNanoUsd, requestsFailed }) => [teamId, spendNanoUsd, requestsFailed]),
    [
      ['red', 3n * c, 0],
      ['', c, 0],
      ['blue', c, 1],
    ],
  );
  const days = await reports.usage({ ...month, of: 'request', order: 'fields', by: ['day', 'teamId', 'model'] });
  assert.deepEqual(
    days.map((sum) => [sum.day, sum.teamId, sum.model, sum.requestsOk + sum.requestsFailed]),
    [
      ['2026-11-20', 'red', 'oci/xai.grok-4', 1],
      ['2026-11-21', '', 'oci/xai.grok-4', 1],
      ['2026-11-21', 'blue', 'oci/cohere.command-a', 1],
      ['2026-11-21', 'blue', 'oci/xai.grok-4', 1],
      ['2026-11-21', 'red', 'oci/xai.grok-4', 2],
    ],
  );
});

const kinds = [
  { of: 'tag', where: {}, spend: { 'User-Agent: x': 3, even: 2, odd: 3 }, why: 'a tag counts once a call' },
  { of: 'tag', where: { name: ['even', 'none'] }, spend: { even: 2 }, why: 'narrowed to names' },
  {
    of: 'tag',
    where: { keyHash: [keyHashOf('sk-a')] },
    spend: { 'User-Agent: x': 2, even: 1, odd: 2 },
    why: 'of a key',
  },
  { of: 'customer', where: {}, spend: { c0: 2, c1: 2 }, why: 'a call without a customer is left out' },
  { of: 'customer', where: { teamId: ['blue'] }, spend: { c0: 0, c1: 1 }, why: 'of a team' },
  { of: 'customer', where: {}, except: { name: ['c1'] }, spend: { c0: 2 }, why: 'without a name' },
] as const;
for (const { of, where, spend, why, ...rest } of kinds) {
  test(`usage by ${of}: ${why}`, async () => {
    await using reports = await openReports();
    await bookUsual(reports);
    const sums = await reports.usage({ ...month, of, by: ['name'], where, order: 'fields', ...rest });
    assert.deepEqual(Object.fromEntries(sums.map(({ name, spendNanoUsd }) => [name, Number(spendNanoUsd / c)])), spend);
  });
}

test('usage of what has one of several values in one of several fields', async () => {
  await using reports = await openReports();
  await bookUsual(reports);
  const query = { ...month, of: 'request', by: ['teamId'], order: 'fields' } as const;
  const spendOf = async (either: UsageFilter, where: UsageFilter = {}) =>
    Object.fromEntries(
      (await reports.usage({ ...query, either, where })).map((sum) => [sum.teamId, Number(sum.spendNanoUsd / c)]),
    );
  assert.deepEqual(await spendOf({ keyHash: [keyHashOf('sk-c')], teamId: ['blue'] }), { '': 1, blue: 1 });
  assert.deepEqual(await spendOf({ keyHash: [keyHashOf('sk-c')], teamId: [] }), { '': 1 });
  assert.deepEqual(await spendOf({ keyHash: [keyHashOf('sk-c')], teamId: ['blue'] }, { teamId: ['red'] }), {});
  assert.deepEqual(await spendOf({ teamId: [] }), {});
});

/** A month is a field of the totals and of the groups; `keyHash` and `model` are of the groups alone. */
for (const kind of ['request', 'tag', 'customer'] as const) {
  test(`usage by month, of ${kind}: the totals are the sums of the groups`, async () => {
    await using reports = await openReports();
    await bookUsual(reports);
    const origin = { ...usageEvent(7).origin, endUser: 'c0', tags: ['odd'] };
    await reports.book(usageEvent(7, { startedAt: Date.UTC(2026, 9, 31, 23), origin }));
    const query = { ...month, from: 0, of: kind, order: 'fields' } as const;
    const totals = await reports.usage({ ...query, by: ['month', 'name'] });
    const groups = await reports.usage({ ...query, by: ['month', 'name', 'keyHash', 'model'] });
    const spendOf = (sums: readonly { month: string; name: string; spendNanoUsd: bigint }[]) =>
      [...Map.groupBy(sums, (sum) => `${sum.month} ${sum.name}`)].map(([group, own]) => [
        group,
        own.reduce((sum, { spendNanoUsd }) => sum + spendNanoUsd, 0n),
      ]);
    assert.deepEqual(spendOf(totals), spendOf(groups));
    assert.deepEqual([...new Set(totals.map((sum) => sum.month))], ['2026-10', '2026-11']);
    const october = await reports.usage({ ...query, by: ['month'], where: { month: ['2026-10'] } });
    assert.deepEqual(
      october.map((sum) => sum.month),
      ['2026-10'],
    );
  });
}

test('usage page by page is the whole', async () => {
  await using reports = await openReports();
  await bookUsual(reports);
  const query = { ...month, of: 'request', by: ['keyHash', 'model'], order: 'spend' } as const;
  const whole = await reports.usage(query);
  const pages = [];
  for (let offset = 0; offset < whole.length; offset += 1) {
    pages.push(...(await reports.usage({ ...query, limit: 1, offset })));
  }
  assert.deepEqual(pages, whole);
  assert.equal(whole.length, 4);
});

test('names of tags and customers, from any of them on', async () => {
  await using reports = await openReports();
  await bookUsual(reports);
  assert.deepEqual(await reports.names({ of: 'tag', limit: 10 }), ['User-Agent: x', 'even', 'odd']);
  assert.deepEqual(await reports.names({ of: 'tag', after: 'User-Agent: x', limit: 1 }), ['even']);
  assert.deepEqual(await reports.names({ of: 'customer', limit: 10 }), ['c0', 'c1']);
});

test('failed calls by day, model and deployment', async () => {
  await using reports = await openReports();
  await bookUsual(reports);
  assert.deepEqual(await reports.errors(month), [
    {
      day: '2026-11-21',
      errorCode: 'provider_throttled',
      alias: 'grok',
      model: 'oci/xai.grok-4',
      provider: 'oci',
      deploymentId: 'deployment-1',
      apiBase: 'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com',
      requests: 1,
    },
  ]);
});

test('sums beyond 2^53 nano-USD are exact', async () => {
  await using reports = await openReports();
  const most = Number.MAX_SAFE_INTEGER;
  await reports.book(...[1, 2, 3].map((n) => usageEvent(n, { outcome: 'cut', costCeilingNanoUsd: most })));
  const sum = 3n * BigInt(most);
  for (const by of [[], ['day'], ['keyHash', 'model']] as const) {
    const [one] = await reports.usage({ ...month, of: 'request', by, order: 'fields' });
    assert.equal(one?.spendNanoUsd, sum, by.join());
  }
});

test('balances come in the order asked; an unknown account has none', async () => {
  await using reports = await openReports();
  const red = { id: 'team:red', windowStart: startOfTests };
  const blue = { id: 'team:blue', windowStart: 0 };
  await reports.book(usageEvent(1, { accounts: [red] }));
  assert.deepEqual(await reports.balancesOf([blue, red, { ...red, windowStart: 0 }]), [
    { ...blue, settledNanoUsd: 0, settledTokens: 0, version: 0 },
    { ...red, settledNanoUsd: cost, settledTokens: 460, version: 1 },
    { ...red, windowStart: 0, settledNanoUsd: 0, settledTokens: 0, version: 0 },
  ]);
});

test('booked calls are told from others', async () => {
  await using reports = await openReports();
  const [booked, unbooked] = [usageEvent(1), usageEvent(2)];
  await reports.book(booked);
  const next = callIdOf(booked.requestId, 2);
  assert.deepEqual(await reports.bookedAmong([unbooked.callId, next, booked.callId]), [booked.callId]);
  assert.deepEqual(await reports.bookedAmong([]), []);
});
