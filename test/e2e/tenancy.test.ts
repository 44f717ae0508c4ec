import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { tenancyIn, type Tenancy } from '../../services/ingress/src/sql/tenancy-tables.ts';
import { budget, member, organization, tag, team, user } from '../../services/ingress/test/tenancy/entities.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { ask, chat, costUsdOf, errorOf, post } from './ask.ts';
import type { DistributedGateway, TestGateway } from './gateway.ts';
import { becomes, openTwoIngresses } from './two-ingresses.ts';

const BalanceRow = z.object({ account_id: z.string(), settled_nano_usd: z.string() });

describe('tenancy, on two ingresses', () => {
  const resources = new AsyncDisposableStack();
  let gateway: DistributedGateway;
  let there: TestGateway;
  let sql: SqlPool;
  let tenancy: Tenancy;
  /** Of the team `blue` in the organization `acme`, whose member `ada` is. */
  let key: string;

  before(async () => {
    ({ here: gateway, there } = resources.use(
      await openTwoIngresses({
        models: { cheap: { model: 'oci/meta.llama-3.3-70b-instruct', model_info: { access_groups: ['basic'] } } },
        config: { router_settings: { model_group_alias: { 'gpt-4': 'cheap', 'gpt-4o': 'cheap' } } },
      }),
    ));
    sql = resources.use(await openPostgres({ url: gateway.databaseUrl, applicationName: 'test' }));
    tenancy = tenancyIn(sql);
    for (const name of ['of acme', 'of ada', 'of prod', 'of zoe']) await tenancy.budgets.insert(budget(name));
    await tenancy.organizations.insert(organization('acme', { budgetId: 'of acme' }));
    await tenancy.teams.insert(team('blue', { organizationId: 'acme' }));
    await tenancy.members.insert(member('blue', 'ada', { budgetId: 'of ada' }));
    await tenancy.users.insert(user('ada'));
    await tenancy.tags.insert(tag('prod', { budgetId: 'of prod' }));
    key = await gateway.newKey({ key_alias: 'in blue', team_id: 'blue', user_id: 'ada' });
  });
  after(() => resources.disposeAsync());

  const asZoe = { user: 'zoe', tags: ['prod', 'other'] };
  const answers = async (at: TestGateway, fields: Record<string, unknown> = asZoe, by = key) =>
    (await chat(at, by, fields)).status;
  const becomeEverywhere = async (status: number, fields = asZoe, by = key) => {
    for (const at of [gateway, there]) await becomes(status, at, by, fields);
  };

  test('a request is booked on everything that it is for, once, and no more than it cost', async () => {
    const reply = await chat(gateway, key, asZoe);
    assert.equal(reply.status, 200, reply.text);
    const cost = Math.round(costUsdOf(reply) * 1e9);
    assert.ok(cost > 0);
    const booked = async () => {
      const { rows } = await sql.query('select account_id, settled_nano_usd from ledger.account_balances');
      return new Map(rows.map((row) => BalanceRow.parse(row)).map((row) => [row.account_id, row.settled_nano_usd]));
    };
    await waitUntil(async () => (await booked()).has('proxy:all'), { what: 'the books have it' });
    const hash = String((await sql.query('select hash from ingress.virtual_keys')).rows.map((row) => Object(row).hash));
    const ids = ['team:blue', 'member:blue:ada', 'user:ada', 'organization:acme', 'customer:zoe', 'tag:prod'];
    assert.deepEqual(await booked(), new Map([`key:${hash}`, ...ids, 'proxy:all'].map((id) => [id, String(cost)])));
  });

  test('a customer gets a row when they are first met', async () => {
    await waitUntil(async () => (await tenancy.customers.find('zoe')) !== null, { what: 'the row' });
    await tenancy.customers.update(['zoe'], { budgetId: 'of zoe' });
  });

  const levels = [
    {
      what: 'the team',
      set: (limits: object) => tenancy.teams.update(['blue'], limits),
      text: /^Budget has been exceeded! Team=blue Current cost: 0\.\d+, Max budget: 0$/,
      limit: 'team: blue',
    },
    {
      what: 'the member',
      set: (limits: object) => tenancy.budgets.update(['of ada'], limits),
      text: /^Budget has been exceeded! User=ada in Team=blue Current cost: 0\.\d+, Max budget: 0$/,
      limit: 'team_member: blue:ada',
    },
    {
      what: 'the organization',
      set: (limits: object) => tenancy.budgets.update(['of acme'], limits),
      text: /^Budget has been exceeded! Organization=acme Current cost: 0\.\d+, Max budget: 0$/,
      limit: 'organization: acme',
    },
    {
      what: 'the customer',
      set: (limits: object) => tenancy.budgets.update(['of zoe'], limits),
      text: /^ExceededBudget: End User=zoe over budget\. Spend=0\.\d+, Budget=0$/,
      limit: 'end_user: zoe',
    },
    {
      what: 'a tag',
      set: (limits: object) => tenancy.budgets.update(['of prod'], limits),
      text: /^Budget has been exceeded! Tag=prod Current cost: 0\.\d+, Max budget: 0$/,
      limit: 'tag: prod',
    },
  ];

  for (const { what, set, text, limit } of levels) {
    test(`${what}: a spent budget refuses everywhere within a second, and no longer when it is raised`, async () => {
      await set({ maxBudgetNanoUsd: 0 });
      await becomeEverywhere(429);
      const { message, type } = errorOf(await chat(there, key, asZoe));
      assert.match(message, text);
      assert.equal(type, 'budget_exceeded');
      await set({ maxBudgetNanoUsd: null });
      await becomeEverywhere(200);
    });

    test(`${what}: a limit refuses everywhere within a second`, async () => {
      await set({ requestsPerMinute: 0 });
      await becomeEverywhere(429);
      const { message, type } = errorOf(await chat(there, key, asZoe));
      assert.ok(
        message.startsWith(`Rate limit exceeded for ${limit}. Limit type: requests. Current limit: 0`),
        message,
      );
      assert.equal(type, 'throttling_error');
      await set({ requestsPerMinute: null });
      await becomeEverywhere(200);
    });
  }

  test('a limit of a team counts the requests of all its keys at all ingresses', async () => {
    await tenancy.teams.insert(team('slow', { requestsPerMinute: 4 }));
    const [one, two] = [await gateway.newKey({ team_id: 'slow' }), await gateway.newKey({ team_id: 'slow' })];
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) => chat(n % 3 === 0 ? there : gateway, n % 2 === 0 ? one : two)),
    );
    assert.equal(replies.filter(({ status }) => status === 200).length, 4);
    assert.equal(replies.filter(({ status }) => status === 429).length, 8);
  });

  test("a user's budget limits personal keys, and no key of a team", async () => {
    const personal = await gateway.newKey({ user_id: 'ada' });
    await tenancy.users.update(['ada'], { maxBudgetNanoUsd: 0 });
    await becomeEverywhere(429, asZoe, personal);
    assert.match(errorOf(await chat(gateway, personal)).message, /^ExceededBudget: User=ada over budget\. Spend=0/);
    assert.equal(await answers(gateway), 200);
    await tenancy.users.update(['ada'], { maxBudgetNanoUsd: null });
  });

  test('two keys share the budget of their team to the last nano-USD, however many ask at once', async () => {
    await tenancy.teams.insert(team('poor', { maxBudgetNanoUsd: 200_000 }));
    const [one, two] = [await gateway.newKey({ team_id: 'poor' }), await gateway.newKey({ team_id: 'poor' })];
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, n) => chat(n % 3 === 0 ? there : gateway, n % 2 === 0 ? one : two)),
    );
    const statuses = new Set(replies.map(({ status }) => status));
    assert.deepEqual(statuses, new Set([200, 429]));
    const spent = replies.reduce((sum, reply) => sum + costUsdOf(reply), 0);
    assert.ok(spent > 0 && Math.round(spent * 1e9) <= 200_000, `${spent} USD`);
  });

  test('keys of a blocked team are refused everywhere within a second', async () => {
    await tenancy.teams.update(['blue'], { blocked: true });
    await becomeEverywhere(401);
    assert.match(errorOf(await chat(there, key)).message, /Team=blue is blocked/);
    await tenancy.teams.update(['blue'], { blocked: false });
    await becomeEverywhere(200);
  });

  test('a blocked customer is refused, with any key', async () => {
    await tenancy.customers.update(['zoe'], { blocked: true });
    await becomeEverywhere(401);
    assert.match(errorOf(await chat(there, key, asZoe)).message, /User blocked from making LLM API Calls\. User=zoe/);
    assert.equal((await chat(gateway, key, { user: 'somebody else' })).status, 200);
    await tenancy.customers.update(['zoe'], { blocked: false });
    await becomeEverywhere(200);
  });

  test("the team's models bound the key's, which may be named by access group", async () => {
    await tenancy.teams.update(['blue'], { models: ['basic', 'grok'] });
    await becomeEverywhere(403);
    const { message, type } = errorOf(await chat(there, key, asZoe));
    assert.equal(type, 'team_model_access_denied');
    assert.match(message, /team not allowed to access model\. This team can only access models=\['basic', 'grok'\]/);
    assert.equal(await answers(gateway, { ...asZoe, model: 'cheap' }), 200);
    await tenancy.teams.update(['blue'], { models: [] });
    await becomeEverywhere(200);
  });

  test('a soft budget refuses nothing, and is told of once', async () => {
    await tenancy.teams.update(['blue'], { softBudgetNanoUsd: 1 });
    const alerts = async () => (await sql.query('select * from ingress.budget_alerts')).rows.length;
    await waitUntil(
      async () => {
        for (const at of [gateway, there]) assert.equal(await answers(at), 200);
        return (await alerts()) === 1;
      },
      { what: 'the alert' },
    );
    for (const at of [gateway, there, gateway]) assert.equal(await answers(at), 200);
    assert.equal(await alerts(), 1);
  });

  test('a soft budget that one call reaches is told of, though nobody asks again', async () => {
    const limits = { soft_budget: 0.000_000_001, max_budget: 0.001 };
    const id = z.object({ key: z.string(), token: z.string() });
    const made = await post(gateway, '/key/generate', limits);
    const { key: own, token } = id.parse(JSON.parse(made.text));
    assert.equal((await chat(gateway, own, {})).status, 200);
    const alerts = async () => {
      const { rows } = await sql.query('select * from ingress.budget_alerts where account_id = $1', [`key:${token}`]);
      return rows.length;
    };
    await waitUntil(async () => (await alerts()) === 1, { what: 'the alert' });
  });

  test('the limits of all that a request is for are in the headers', async () => {
    await tenancy.teams.update(['blue'], { tokensPerMinute: 1_000_000 });
    await waitUntil(
      async () => {
        const { headers } = await chat(gateway, key, asZoe);
        return headers.get('x-ratelimit-team-limit-tokens') === '1000000';
      },
      { what: 'the header' },
    );
    assert.equal((await post(gateway, '/key/update', { key, rpm_limit: 500 })).status, 200);
    const { headers } = await chat(gateway, key, asZoe);
    assert.equal(headers.get('x-ratelimit-api_key-limit-requests'), '500');
    assert.ok(Number(headers.get('x-ratelimit-team-remaining-tokens')) < 1_000_000);
  });

  const modelOf = async (by: string, model: string, fields: object = {}) => {
    const reply = await chat(gateway, by, { model, ...fields });
    assert.equal(reply.status, 200, reply.text);
    const { model: shown } = z.looseObject({ model: z.string() }).parse(JSON.parse(reply.text));
    return { shown, group: reply.headers.get('x-litellm-model-group') };
  };

  test("a key's own names for models, and its team's", async () => {
    const own = await gateway.newKey({ team_id: 'blue', aliases: { fast: 'llama' }, models: ['llama', 'cheap'] });
    await tenancy.teams.update(['blue'], { modelAliases: { fast: 'grok', slow: 'cheap' } });
    assert.deepEqual(await modelOf(own, 'fast'), { shown: 'fast', group: 'llama' });
    await waitUntil(async () => (await chat(gateway, own, { model: 'slow' })).status === 200, { what: "the team's" });
    assert.deepEqual(await modelOf(own, 'slow'), { shown: 'slow', group: 'cheap' });
  });

  test('a spent budget of one model refuses that model, or leads to another', async () => {
    const model_max_budget = { llama: { max_budget: 0, budget_duration: '1d' } };
    const strict = await gateway.newKey({ key_alias: 'strict', model_max_budget });
    const refused = await chat(gateway, strict);
    assert.equal(refused.status, 429);
    assert.match(errorOf(refused).message, /key_alias: strict, exceeded budget for model=llama/);
    assert.equal((await chat(gateway, strict, { model: 'cheap' })).status, 200);
    const mild = await gateway.newKey({ model_max_budget, budget_fallbacks: { llama: ['cheap'] } });
    assert.deepEqual(await modelOf(mild, 'llama'), { shown: 'cheap', group: 'cheap' });
  });

  test('a limit of one model counts for that model', async () => {
    const limited = await gateway.newKey({ model_rpm_limit: { llama: 1 } });
    assert.equal((await chat(gateway, limited)).headers.get('x-ratelimit-model_per_key-remaining-requests'), '0');
    const refused = await chat(gateway, limited);
    assert.equal(refused.status, 429);
    assert.match(errorOf(refused).message, /^Rate limit exceeded for model_per_key: \w+:llama\. Limit type: requests/);
    assert.equal((await chat(gateway, limited, { model: 'cheap' })).status, 200);
  });

  for (const [limited, asked] of [
    ['gpt-4', 'cheap'],
    ['gpt-4', 'gpt-4o'],
    ['cheap', 'gpt-4'],
    ['gpt-4*', 'cheap'],
    ['oci/meta.llama-3.3-70b-instruct', 'llama'],
  ] as const) {
    test(`what limits ${limited} limits ${asked}: no name of a model is a way around the limits of another`, async () => {
      const slow = await gateway.newKey({ model_rpm_limit: { [limited]: 1 } });
      assert.equal((await chat(gateway, slow, { model: asked })).status, 200);
      const refused = await chat(there, slow, { model: asked });
      assert.equal(refused.status, 429);
      assert.match(errorOf(refused).message, /^Rate limit exceeded for model_per_key: \w+:/);
      assert.equal((await chat(there, slow, { model: 'grok' })).status, 200);

      const model_max_budget = { [limited]: { max_budget: 0, budget_duration: '1d' } };
      const poor = await gateway.newKey({ model_max_budget });
      assert.match(errorOf(await chat(gateway, poor, { model: asked })).message, /exceeded budget for model=/);
      for (const name of [asked, limited].filter((one) => !/[*/]/.test(one))) {
        const mild = await gateway.newKey({ model_max_budget, budget_fallbacks: { [name]: ['grok'] } });
        assert.deepEqual(await modelOf(mild, asked), { shown: 'grok', group: 'grok' });
      }
    });
  }

  const holders = [
    {
      fields: { user_id: 'eve' },
      others: { user_id: 'eve', team_id: 'green' },
      set: (limits: object) => tenancy.users.update(['eve'], limits),
      named: 'User: eve',
      rate: 'model_per_user: eve:llama',
    },
    {
      fields: { user_id: 'eve', team_id: 'green' },
      others: { team_id: 'green' },
      set: (limits: object) => tenancy.budgets.update(['of eve'], limits),
      named: 'User: eve in Team: green',
      rate: 'model_per_team_member: green:eve:llama',
    },
  ];

  test('what a user and a member have for one model counts for that model, and for no key that is not theirs', async () => {
    await tenancy.budgets.insert(budget('of eve'));
    await tenancy.teams.insert(team('green'));
    await tenancy.members.insert(member('green', 'eve', { budgetId: 'of eve' }));
    await tenancy.users.insert(user('eve'));
    for (const { fields, others, set, named, rate } of holders) {
      const [by, other] = [await gateway.newKey(fields), await gateway.newKey(others)];
      await set({ modelRequestsPerMinute: { llama: 0 } });
      await becomeEverywhere(429, asZoe, by);
      const limited = errorOf(await chat(there, by));
      assert.ok(limited.message.startsWith(`Rate limit exceeded for ${rate}. Limit type: requests.`), limited.message);
      const spent = { maxBudgetNanoUsd: 0, budgetDuration: '1d', requestsPerMinute: null, tokensPerMinute: null };
      await set({ modelRequestsPerMinute: {}, modelBudgets: { 'lla*': spent } });
      await waitUntil(async () => errorOf(await chat(there, by)).type === 'budget_exceeded', { what: 'the budget' });
      const { message } = errorOf(await chat(there, by));
      assert.equal(message, `LiteLLM ${named}, exceeded budget for model=lla*`);
      assert.equal(await answers(there, { model: 'cheap' }, by), 200);
      assert.equal(await answers(there, {}, other), 200);
      await set({ modelBudgets: {} });
      await becomeEverywhere(200, asZoe, by);
    }
  });

  test('a key reaches the routes that it may, and no other', async () => {
    const routed = await gateway.newKey({ allowed_routes: ['/v1/chat/completions'] });
    assert.equal((await chat(gateway, routed)).status, 200);
    const refused = await ask(gateway, '/v1/models', { key: routed });
    assert.equal(refused.status, 403);
    assert.match(refused.text, /"detail":"Virtual key is not allowed to call this route\./);
    const manager = await gateway.newKey({ key_type: 'management' });
    assert.equal((await chat(gateway, manager)).status, 403);
    assert.equal((await ask(gateway, '/key/info', { key: manager })).status, 200);
  });

  test('what a key has to send is asked for', async () => {
    const strict = await gateway.newKey({ enforced_params: ['user', 'metadata.job'] });
    const refused = await chat(gateway, strict, { user: 'zoe' });
    assert.equal(refused.status, 400);
    assert.equal(errorOf(refused).param, 'metadata.job');
    assert.equal((await chat(gateway, strict, { user: 'zoe', metadata: { job: 'j' } })).status, 200);
  });

  test('several windows of a budget all count, and a temporary increase lifts the main one', async () => {
    const windows = await gateway.newKey({
      key_alias: 'windows',
      max_budget: 1,
      budget_limits: [{ budget_duration: '1d', max_budget: 0 }],
    });
    const refused = errorOf(await chat(gateway, windows));
    assert.match(refused.message, /^ExceededBudget: Key=windows \(.*\) over 1d budget\. Spend=\$0, Limit=\$0$/);
    const lifted = await gateway.newKey({ max_budget: 0, temp_budget_increase: 1 });
    assert.equal((await chat(gateway, lifted)).status, 200);
  });
});
