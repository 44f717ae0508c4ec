import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
before(async () => {
  gateway = resources.use(await openManagement(resources.use(await openKeysDatabase())));
});
after(() => resources.disposeAsync());

interface Case {
  readonly path: string;
  readonly account: string;
  /** Made by it. */
  readonly made?: readonly [path: string, body: object];
  readonly body?: object;
  /** Where the row is in the answer. */
  readonly at: readonly string[];
}

const cases: readonly Case[] = [
  {
    path: '/team/info?team_id=blue',
    account: 'team:blue',
    made: ['/team/new', { team_id: 'blue' }],
    at: ['team_info'],
  },
  { path: '/v2/user/info?user_id=ada', account: 'user:ada', made: ['/user/new', { user_id: 'ada' }], at: [] },
  {
    path: '/user/info?user_id=bob',
    account: 'user:bob',
    made: ['/user/new', { user_id: 'bob' }],
    at: ['user_info'],
  },
  {
    path: '/organization/info?organization_id=acme',
    account: 'organization:acme',
    made: ['/organization/new', { organization_id: 'acme', organization_alias: 'acme' }],
    at: [],
  },
  {
    path: '/customer/info?end_user_id=zoe',
    account: 'customer:zoe',
    made: ['/customer/new', { user_id: 'zoe' }],
    at: [],
  },
  {
    path: '/tag/info',
    account: 'tag:prod',
    made: ['/tag/new', { name: 'prod' }],
    body: { names: ['prod'] },
    at: ['prod'],
  },
];

for (const { path, account, made, body, at } of cases) {
  test(`${path} 200: the tokens of the account stand beside its spend`, async () => {
    if (made) assert.equal((await gateway.post(...made)).status, 200);
    gateway.balances.set(`${account}@0`, 2_000_000_000);
    gateway.tokens.set(`${account}@0`, 4_321);
    const answer = await (body ? gateway.post(path, body) : gateway.get(path));
    const row = at.reduce((part, name) => part[name], answer.body);
    assert.deepEqual([row.spend, row.token_spend], [2, 4_321]);
  });
}

test('/key/info 200: tokens are those of the window of the budget, and stay when its spend is set back', async () => {
  const key = await gateway.generate({ budget_duration: '1d', max_token_budget: 9_000 });
  const account = `key:${hashKey(key)}`;
  for (const [day, tokens] of [
    ['2027-01-31', 5_000],
    ['2027-02-01', 700],
  ] as const) {
    gateway.balances.set(`${account}@${Date.parse(day)}`, 1_000_000_000);
    gateway.tokens.set(`${account}@${Date.parse(day)}`, tokens);
  }
  assert.equal((await gateway.get(`/key/info?key=${key}`)).body.info.token_spend, 700);
  assert.equal((await gateway.post(`/key/${key}/reset_spend`, { reset_to: 0 })).status, 200);
  const { info } = (await gateway.get(`/key/info?key=${key}`)).body;
  assert.deepEqual([info.spend, info.token_spend], [0, 700]);
});
