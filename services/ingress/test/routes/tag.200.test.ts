import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeEntity } from '../../src/sql/entity-table.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { tagsMax } from '../../src/sql/find-tags.ts';
import { budget, tag } from '../tenancy/entities.ts';
import { openSpending, type Spending } from './open-spend.ts';

let gateway: Spending;
before(async () => {
  gateway = await openSpending();
  await tenancyIn(gateway.sql).budgets.insert(budget('gold', { maxBudgetNanoUsd: 9_000_000_000 }));
});
after(() => gateway[Symbol.asyncDispose]());

test('POST /tag/new 200: nothing but its defaults, and a line in the audit log', async () => {
  const plain = {
    name: 'plain',
    description: null,
    models: [],
    model_info: {},
    spend: 0,
    token_spend: 0,
    budget_id: null,
    litellm_budget_table: null,
    created_at: '2027-02-01T12:00:00.000Z',
    created_by: 'default_user_id',
    updated_at: '2027-02-01T12:00:00.000Z',
    updated_by: 'default_user_id',
  };
  assert.deepEqual(await gateway.ok('/tag/new', { name: 'plain' }), {
    message: 'Tag plain created successfully',
    tag: plain,
  });
  assert.deepEqual(await gateway.ok('/tag/info', { names: ['plain', 'plain'] }), { plain });
  assert.deepEqual(await gateway.ok('/tag/info', { names: [] }), {});
  const { audit_logs: lines } = await gateway.ok('GET /audit?object_id=plain');
  assert.deepEqual([lines.length, lines[0].action, lines[0].table_name], [1, 'created', 'LiteLLM_TagTable']);
});

test('POST /tag/update 200: changes what is named; limits of its own or by reference', async () => {
  const limits = { max_budget: 2, budget_duration: '1d', rpm_limit: 4 };
  const made = await gateway.ok('/tag/new', { name: 'prod', description: 'live', models: ['grok'], ...limits });
  assert.deepEqual([made.tag.budget_id, made.tag.litellm_budget_table.max_budget], ['tag:prod', 2]);
  const { message, tag: changed } = await gateway.ok('/tag/update', { name: 'prod', max_budget: 3, description: null });
  assert.equal(message, 'Tag prod updated successfully');
  assert.deepEqual([changed.description, changed.models], [null, ['grok']]);
  assert.deepEqual([changed.litellm_budget_table.max_budget, changed.litellm_budget_table.rpm_limit], [3, 4]);
  const { tag: named } = await gateway.ok('/tag/update', { name: 'prod', budget_id: 'gold', models: [] });
  assert.deepEqual([named.models, named.litellm_budget_table.max_budget], [[], 9]);
  const { tag: own } = await gateway.ok('/tag/update', { name: 'prod', tpm_limit: 6 });
  assert.deepEqual([own.budget_id, own.litellm_budget_table.max_budget], ['tag:prod', 9]);
  assert.equal((await tenancyIn(gateway.sql).budgets.find('gold'))?.tokensPerMinute, null, 'which stays as it is');
});

test('POST /tag/delete 200: with the budget of its own', async () => {
  await gateway.ok('/tag/new', { name: 'gone', max_budget: 2 });
  assert.deepEqual(await gateway.ok('/tag/delete', { name: 'gone' }), { message: 'Tag gone deleted successfully' });
  assert.equal((await gateway.post('/tag/info', { names: ['gone'] })).status, 404);
  assert.equal(await tenancyIn(gateway.sql).budgets.find('tag:gone'), null);
});

/** Of ada and bob, who work with two programs, and of a key without a user. */
test('what requests with tags cost, and how many users worked with them', async () => {
  await gateway.book(
    { user: 'ada', tags: ['mobile', 'User-Agent: curl'], nanoUsd: 500_000_000, tokens: { input: 3, output: 1 } },
    { user: 'ada', tags: ['mobile'], nanoUsd: 250_000_000, tokens: { input: 1, output: 1 } },
    { user: 'bob', tags: ['mobile'], daysAgo: 1, error: { code: 'rate_limited', status: 429 } },
    { user: 'ada', tags: ['mobile'], daysAgo: 6, provider: 'groq' },
    { user: 'eve', tags: ['mobile'], daysAgo: 7 },
    { tags: ['mobile', 'trace:1'] },
    { user: 'bob', tags: ['old'], daysAgo: 400 },
  );

  const list = await gateway.ok('GET /tag/list');
  const names = list.map((row: { name: string }) => row.name);
  assert.deepEqual(names, ['plain', 'prod', 'User-Agent: curl', 'mobile', 'old', 'trace:1']);
  const since = await gateway.ok('GET /tag/list?start_date=2027-02-01&end_date=2027-02-01');
  assert.deepEqual(
    since.slice(2).map(({ name, models }: { name: string; models: null }) => [name, models]),
    [
      ['User-Agent: curl', null],
      ['mobile', null],
      ['trace:1', null],
    ],
  );
  assert.deepEqual(await gateway.ok('GET /tag/distinct'), {
    results: [{ tag: 'mobile' }, { tag: 'User-Agent: curl' }, { tag: 'old' }],
  });

  const mobile = (date: string, active_users: number) => ({ tag: 'mobile', active_users, date });
  const curl = { tag: 'User-Agent: curl', active_users: 1, date: '2027-02-01' };
  assert.deepEqual((await gateway.ok('GET /tag/dau')).results, [
    curl,
    mobile('2027-02-01', 1),
    mobile('2027-01-31', 1),
    mobile('2027-01-26', 1),
  ]);
  assert.deepEqual((await gateway.ok('GET /tag/dau?start_date=2027-01-25&end_date=2027-01-25')).results, [
    mobile('2027-01-25', 1),
  ]);
  assert.deepEqual((await gateway.ok('GET /tag/dau?tag_filter=CURL')).results, [curl]);
  assert.deepEqual((await gateway.ok('GET /tag/dau?tag_filters=old&tag_filters=User-Agent:%20curl')).results, [curl]);
  assert.deepEqual((await gateway.ok('GET /tag/dau?custom_llm_provider=groq')).results, [mobile('2027-01-26', 1)]);

  const week = (n: number, first: string, period_start: string, period_end: string, users: number) => ({
    ...mobile(`Week ${n} (${first})`, users),
    period_start,
    period_end,
  });
  assert.deepEqual((await gateway.ok('GET /tag/wau?tag_filters=mobile')).results, [
    week(6, 'Jan 19', '2027-01-19', '2027-01-25', 1),
    week(7, 'Jan 26', '2027-01-26', '2027-02-01', 2),
  ]);
  assert.deepEqual((await gateway.ok('GET /tag/mau?tag_filters=mobile&months=1')).results, [
    { ...mobile('Jan 2027', 3), period_start: '2027-01-03', period_end: '2027-02-01' },
  ]);

  assert.deepEqual(
    (await gateway.ok('GET /tag/summary?start_date=2027-01-31&end_date=2027-02-01&tag_filter=mob')).results,
    [
      {
        tag: 'mobile',
        unique_users: 2,
        total_requests: 4,
        successful_requests: 3,
        failed_requests: 1,
        total_tokens: 6,
        total_spend: 0.75,
      },
    ],
  );
});

test('POST /tag/new 400: there are never more than every ingress keeps, also when two come at once', async () => {
  const { rows } = await gateway.sql.query('select count(*)::int as tags from ingress.tags');
  const there: number = Object(rows[0]).tags;
  const many = Array.from({ length: tagsMax - there - 1 }, (_, n) => encodeEntity(tag(`many ${n}`)));
  await gateway.sql.query(`insert into ingress.tags select * from jsonb_populate_recordset(null::ingress.tags, $1)`, [
    `[${many.join(',')}]`,
  ]);
  const answers = await Promise.all(['a', 'b', 'c'].map((name) => gateway.post('/tag/new', { name, max_budget: 1 })));
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 400, 400],
  );
  const refused = answers.find(({ status }) => status === 400);
  assert.match(refused?.body.error.message, /^There are 10000 tags, and there can be no more/);
  const made = await gateway.sql.query("select from ingress.budgets where budget_id in ('tag:a', 'tag:b', 'tag:c')");
  assert.equal(made.rows.length, 1, 'a refused one leaves nothing');
});
