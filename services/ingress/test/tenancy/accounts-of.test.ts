import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account } from '@sluice/shared/contracts/account.ts';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { accountsOf, keyLimits } from '../../src/tenancy/accounts-of.ts';
import type { AccountFacts } from '../../src/tenancy/accounts-of.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import { isLimited } from '../../src/tenancy/holder-accounts.ts';
import type { RequestAccount } from '../../src/tenancy/holder-accounts.ts';
import type { OrganizationMember } from '../../src/tenancy/organization.ts';
import type { Principal } from '../../src/tenancy/principal.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';
import { budget, organization, tag, team, user } from './entities.ts';
import { deployment } from '../models/sample-models.ts';

const rawKey = 'sk-accounts-0123456789';
/** A Saturday. */
const now = Date.parse('2027-02-20T12:00:00Z');
const [today, thisMonth] = [Date.parse('2027-02-20'), Date.parse('2027-02-01')];
const { hash } = virtualKey(rawKey);

const settings = {
  timeZone: 'UTC',
  calendarBudgets: false,
  proxyBudget: { maxBudgetNanoUsd: null, budgetDuration: null },
  proxyMaxParallelRequests: null,
  customers: { maxBudgetNanoUsd: null, budgetId: null, headers: [] },
} as const;

const everybody: Partial<VirtualKey> = { teamId: 't', userId: 'u', organizationId: 'o' };

function facts(
  key: Partial<VirtualKey>,
  belongs: Partial<Principal> = {},
  set: Partial<AccountFacts> = {},
): AccountFacts {
  const principal = principalOf(virtualKey(rawKey, key), belongs);
  return { caller: callerOf(principal.key), principal, model: { name: 'grok' }, attribution: noAttribution, ...set };
}

function callerOf({ keyAlias, keyName, userId, teamId, organizationId }: VirtualKey): Caller {
  return { keyHash: hash, keyAlias, keyName, userId, teamId, organizationId, metadata: {} };
}

const shown = (accounts: readonly RequestAccount[]) => accounts.map(({ limits }) => shownId(limits));

function shownId({ id, windowStart }: Account): string {
  return `${id.replace(hash, '<hash>')}@${windowStart}`;
}

function organizationMemberOf(organizationId: string, userId: string): OrganizationMember {
  return { organizationId, userId, role: 'internal_user', userEmail: null, budgetId: null, createdAt: now };
}

test('accounts: everything that a request is for, in the order in which they refuse, limited or not', () => {
  const attribution = {
    customer: { id: 'c', customer: null, budget: null },
    tags: [{ tag: tag('prod'), budget: null }],
  };
  const accounts = accountsOf(facts(everybody, {}, { attribution }), settings, now);
  assert.deepEqual(shown(accounts), [
    'key:<hash>@0',
    'team:t@0',
    'member:t:u@0',
    'user:u@0',
    'organization:o@0',
    'customer:c@0',
    'tag:prod@0',
    'proxy:all@0',
  ]);
  assert.equal(accounts.some(isLimited), false);
});

const pairs: readonly { readonly teamId: string; readonly userId: string; readonly id: string }[] = [
  { teamId: 't', userId: 'u:v', id: 'member:t:u:v' },
  { teamId: 't', userId: 'u%3Av', id: 'member:t:u%3Av' },
  { teamId: 't:u', userId: 'v', id: 'member:t%3Au:v' },
  { teamId: 't%3Au', userId: 'v', id: 'member:t%253Au:v' },
  { teamId: 't%u', userId: 'v', id: 'member:t%25u:v' },
];

test('accounts: two pairs of team and user never have one account, nor two of team and model', () => {
  const idsOf = (kind: string, key: Partial<VirtualKey>, belongs: Partial<Principal> = {}, model = 'grok') =>
    accountsOf(facts(key, belongs, { model: { name: model } }), settings, now).flatMap(({ limits }) =>
      limits.id.startsWith(`${kind}:`) ? limits.id : [],
    );
  for (const { teamId, userId, id } of pairs) assert.deepEqual(idsOf('member', { teamId, userId }), [id]);
  const ofModel = (teamId: string, model: string) =>
    idsOf('team-model', { teamId }, { team: team(teamId, { modelRequestsPerMinute: { [model]: 1 } }) }, model);
  assert.deepEqual(ofModel('t', 'u:free'), ['team-model:t:u:free']);
  assert.deepEqual(ofModel('t:u', 'free'), ['team-model:t%3Au:free']);
  const inOrganization = (organizationId: string, userId: string) => {
    const organizationMember = organizationMemberOf(organizationId, userId);
    return idsOf('organization-member', { organizationId, userId }, { organizationMember });
  };
  assert.deepEqual(inOrganization('o', 'u:v'), ['organization-member:o:u:v']);
  assert.deepEqual(inOrganization('o:u', 'v'), ['organization-member:o%3Au:v']);
});

test('accounts: a regenerated key keeps all of its own', () => {
  const firstHash = virtualKey('sk-first-0123456789').hash;
  const key = { ...everybody, modelRequestsPerMinute: { grok: 1 } };
  const before = accountsOf(facts({ ...key, hash: firstHash }), settings, now);
  const after = accountsOf(facts({ ...key, firstHash }), settings, now);
  assert.deepEqual(
    after.map(({ limits }) => limits.id),
    [
      `key:${firstHash}`,
      `key-model:${firstHash}:grok`,
      'team:t',
      'member:t:u',
      'user:u',
      'organization:o',
      'proxy:all',
    ],
  );
  assert.equal(before.length, after.length);
});

test('accounts: what counts as spent no longer raises the budgets of its window, and of no other', () => {
  const budgetWindows = [{ budgetDuration: '1d', maxBudgetNanoUsd: 2 }];
  const limits = { maxBudgetNanoUsd: 9, softBudgetNanoUsd: 8, budgetDuration: '1mo', budgetWindows };
  const shownOf = (waived: Partial<VirtualKey>) =>
    accountsOf(facts({ ...limits, ...waived }), settings, now)
      .filter(({ limits: { id } }) => id.startsWith('key:'))
      .map((account) => [account.limits.budgetNanoUsd, account.softBudgetNanoUsd, account.waivedNanoUsd]);
  const plain = [
    [null, null, 0],
    [9, 8, 0],
    [2, null, 0],
  ];
  assert.deepEqual(shownOf({}), plain);
  assert.deepEqual(shownOf({ waivedNanoUsd: 5, waivedWindowStart: thisMonth }), [
    [null, null, 0],
    [14, 13, 5],
    [2, null, 0],
  ]);
  assert.deepEqual(shownOf({ waivedNanoUsd: 5, waivedWindowStart: Date.parse('2027-01-01') }), plain);
  const most = { waivedNanoUsd: Number.MAX_SAFE_INTEGER, waivedWindowStart: thisMonth };
  assert.equal(shownOf(most)[1]?.[0], Number.MAX_SAFE_INTEGER);
});

test('accounts: a key that belongs to nothing', () => {
  assert.deepEqual(shown(accountsOf(facts({}), settings, now)), ['key:<hash>@0', 'proxy:all@0']);
});

test('accounts: of the operator nothing is limited, and all is booked, in the windows of the budgets too', () => {
  const caller = { ...callerOf(virtualKey(rawKey)), userId: 'root' };
  const customer = { id: 'c', customer: null, budget: budget('b', { maxBudgetNanoUsd: 1, budgetDuration: '1d' }) };
  const proxyBudget = { maxBudgetNanoUsd: 5, budgetDuration: '1mo' };
  const accounts = accountsOf(
    facts({}, {}, { caller, principal: null, attribution: { customer, tags: [] } }),
    { ...settings, proxyBudget },
    now,
  );
  assert.deepEqual(shown(accounts), [
    'key:<hash>@0',
    'user:root@0',
    'customer:c@0',
    `customer:c@${today}`,
    'proxy:all@0',
    `proxy:all@${thisMonth}`,
  ]);
  assert.equal(accounts.some(isLimited), false);
});

test('accounts: budgets count in their windows, rate limits for all time', () => {
  const [forever, window] = accountsOf(
    facts({
      maxBudgetNanoUsd: 7,
      maxTokenBudget: 500,
      budgetDuration: '1mo',
      requestsPerMinute: 3,
      maxParallelRequests: 2,
    }),
    settings,
    now,
  );
  assert.deepEqual(forever?.limits, {
    id: `key:${hash}`,
    windowStart: 0,
    budgetNanoUsd: null,
    tokenBudget: null,
    requestsPerMinute: 3,
    tokensPerMinute: null,
    maxParallelRequests: 2,
  });
  assert.deepEqual(window?.limits, {
    id: `key:${hash}`,
    windowStart: thisMonth,
    budgetNanoUsd: 7,
    tokenBudget: 500,
    requestsPerMinute: null,
    tokensPerMinute: null,
    maxParallelRequests: null,
  });
  assert.deepEqual([forever?.isMain, window?.isMain], [false, true]);
});

test('accounts: several windows each have their budget; those that start at once are one, with the lower budget', () => {
  const budgetWindows = [
    { budgetDuration: '1d', maxBudgetNanoUsd: 2 },
    { budgetDuration: '1w', maxBudgetNanoUsd: 5 },
    { budgetDuration: '24h', maxBudgetNanoUsd: 1 },
  ];
  const key = { maxBudgetNanoUsd: 9, budgetWindows };
  const accounts = accountsOf(facts(key), settings, now).filter(({ limits }) => limits.id === `key:${hash}`);
  assert.deepEqual(
    accounts.map(({ limits }) => [limits.windowStart, limits.budgetNanoUsd]),
    [
      [0, 9],
      [today, 1],
      [Date.parse('2027-02-15'), 5],
    ],
  );
  const first = Date.parse('2027-02-01T12:00:00Z');
  const ofMonth = { maxBudgetNanoUsd: 9, budgetDuration: '1mo', budgetWindows };
  const onTheFirst = accountsOf(facts(ofMonth), settings, first).filter(({ limits }) => limits.id.startsWith('key:'));
  assert.deepEqual(
    onTheFirst.map(({ limits }) => [limits.windowStart, limits.budgetNanoUsd]),
    [
      [0, null],
      [thisMonth, 1],
    ],
    'the first of February 2027 is a Monday, too',
  );
});

test('accounts: a budget of 30 days is counted to the millisecond, or by the calendar', () => {
  const key = { maxBudgetNanoUsd: 1, budgetDuration: '30d' };
  const startOf = (calendarBudgets: boolean) =>
    accountsOf(facts(key), { ...settings, calendarBudgets }, now)[1]?.limits.windowStart;
  assert.equal(startOf(false), Date.parse('2027-02-13T15:00:00.500Z'));
  assert.equal(startOf(true), thisMonth);
});

test('accounts: days are those of the time zone', () => {
  const key = { maxBudgetNanoUsd: 1, budgetDuration: '1d' };
  const accounts = accountsOf(facts(key), { ...settings, timeZone: 'America/New_York' }, now);
  assert.equal(accounts[1]?.limits.windowStart, Date.parse('2027-02-20T05:00:00Z'));
});

const limited = (accounts: readonly RequestAccount[]) =>
  Object.fromEntries(
    accounts.filter(isLimited).map(({ limits }) => [limits.id.replace(hash, '<hash>'), limits.budgetNanoUsd]),
  );

test('accounts: each level has its own budget, or that which it refers to', () => {
  const belongs = {
    team: team('t', { maxBudgetNanoUsd: 2 }),
    memberBudget: budget('m', { maxBudgetNanoUsd: 3 }),
    organization: organization('o'),
    organizationBudget: budget('o', { maxBudgetNanoUsd: 4 }),
    user: user('u', { maxBudgetNanoUsd: 99 }),
  };
  const attribution = {
    customer: { id: 'c', customer: null, budget: budget('c', { maxBudgetNanoUsd: 5 }) },
    tags: [{ tag: tag('prod'), budget: budget('p', { maxBudgetNanoUsd: 6 }) }],
  };
  const proxyBudget = { maxBudgetNanoUsd: 7, budgetDuration: null };
  const key = { ...everybody, maxBudgetNanoUsd: 1 };
  assert.deepEqual(limited(accountsOf(facts(key, belongs, { attribution }), { ...settings, proxyBudget }, now)), {
    'key:<hash>': 1,
    'team:t': 2,
    'member:t:u': 3,
    'organization:o': 4,
    'customer:c': 5,
    'tag:prod': 6,
    'proxy:all': 7,
  });
});

test("accounts: a user's personal budget limits keys without a team only", () => {
  const belongs = { user: user('u', { maxBudgetNanoUsd: 9, budgetDuration: '1mo' }) };
  assert.deepEqual(limited(accountsOf(facts({ userId: 'u' }, belongs), settings, now)), { 'user:u': 9 });
  const ofTeam = accountsOf(facts({ userId: 'u', teamId: 't' }, belongs), settings, now);
  assert.deepEqual(limited(ofTeam), {});
  assert.ok(shown(ofTeam).includes(`user:u@${thisMonth}`), 'but is booked on');
});

test('accounts: customers without a budget have the default', () => {
  const customers = { ...settings.customers, maxBudgetNanoUsd: 8 };
  const attribution = { customer: { id: 'c', customer: null, budget: null }, tags: [] };
  assert.deepEqual(limited(accountsOf(facts({}, {}, { attribution }), { ...settings, customers }, now)), {
    'customer:c': 8,
  });
});

const modelBudgets = {
  grok: { maxBudgetNanoUsd: 5, budgetDuration: '1d', requestsPerMinute: 2, tokensPerMinute: null },
  'oci/*': { maxBudgetNanoUsd: 6, budgetDuration: null, requestsPerMinute: null, tokensPerMinute: null },
  'oci/xai.*': { maxBudgetNanoUsd: 7, budgetDuration: null, requestsPerMinute: null, tokensPerMinute: null },
};
const ofModels = { modelBudgets, modelTokensPerMinute: { 'oci/xai.grok-4': 3, premium: 4 } };
const modelCases = [
  { model: { name: 'llama' }, is: [] },
  { model: { name: 'grok' }, is: ['key-model:<hash>:grok@0', `key-model:<hash>:grok@${today}`] },
  { model: { name: 'gpt-4', standsFor: 'grok' }, is: ['key-model:<hash>:grok@0', `key-model:<hash>:grok@${today}`] },
  { model: { name: 'oci/meta.llama' }, is: ['key-model:<hash>:oci/*@0'] },
  { model: { name: 'the-id-of-a-deployment', standsFor: 'oci/meta.llama' }, is: ['key-model:<hash>:oci/*@0'] },
  {
    model: { name: 'deployments-of-two', owners: ['llama', 'oci/meta.llama'] },
    is: ['key-model:<hash>:oci/*@0'],
  },
  {
    model: {
      name: 'dear',
      deployments: [deployment('dear', 'oci/openai.gpt-4.1', { info: { access_groups: ['premium'] } })],
    },
    is: ['key-model:<hash>:premium@0'],
  },
  { model: { name: 'fast', otherNames: ['grok'] }, is: ['key-model:<hash>:grok@0', `key-model:<hash>:grok@${today}`] },
  {
    model: { name: 'any-xai', otherNames: ['oci/xai.any'] },
    is: ['key-model:<hash>:oci/*@0', 'key-model:<hash>:oci/xai.*@0'],
  },
  {
    model: { name: 'has-grok-4', deploymentNames: ['grok-phoenix', 'oci/xai.grok-4'] },
    is: ['key-model:<hash>:oci/xai.grok-4@0'],
  },
  {
    model: { name: 'oci/xai.grok-4' },
    is: ['key-model:<hash>:oci/*@0', 'key-model:<hash>:oci/xai.*@0', 'key-model:<hash>:oci/xai.grok-4@0'],
  },
];
for (const { model, is } of modelCases) {
  test(`accounts: what a key has for one model: ${model.name}`, () => {
    const accounts = accountsOf(facts(ofModels, {}, { model }), settings, now);
    assert.deepEqual(shown(accounts.filter((account) => account.model !== undefined)), is);
  });
}

test('accounts: of two limits for one model the lower counts', () => {
  const key = { modelBudgets, modelRequestsPerMinute: { grok: 1 }, modelTokensPerMinute: { grok: 4 } };
  const account = accountsOf(facts(key), settings, now).find(({ model }) => model === 'grok');
  assert.deepEqual([account?.limits.requestsPerMinute, account?.limits.tokensPerMinute], [1, 4]);
});

test("accounts: a team's limits for one model, and an organization's", () => {
  const accounts = accountsOf(facts({ teamId: 't' }, { team: team('t', { modelBudgets }) }), settings, now);
  assert.deepEqual(limited(accounts), { 'team-model:t:grok': 5 });
  const organizationBudget = budget('o', { modelBudgets });
  const ofOrganization = accountsOf(facts({ organizationId: 'o' }, { organizationBudget }), settings, now);
  assert.deepEqual(limited(ofOrganization), { 'organization-model:o:grok': 5 });
});

test('accounts: a regenerated key keeps the accounts of its first hash', () => {
  const first = virtualKey('sk-the-first-0123456789').hash;
  assert.equal(accountsOf(facts({ firstHash: first }), settings, now)[0]?.limits.id, `key:${first}`);
});

const increases = [
  { until: now + 1, is: 15, why: 'until its time' },
  { until: now, is: 10, why: 'no longer' },
  { until: null, is: 15, why: 'without an end' },
];
for (const { until, is, why } of increases) {
  test(`accounts: a temporary increase counts ${why}`, () => {
    const key = virtualKey(rawKey, {
      maxBudgetNanoUsd: 10,
      tempBudgetIncreaseNanoUsd: 5,
      tempBudgetExpiresAt: until,
    });
    assert.equal(keyLimits(principalOf(key), now).maxBudgetNanoUsd, is);
  });
}

test('accounts: what a key says itself wins over its budget, limit by limit', () => {
  const keyBudget = budget('b', { maxBudgetNanoUsd: 1, requestsPerMinute: 5, budgetDuration: '1d' });
  const limits = keyLimits(principalOf(virtualKey(rawKey, { maxBudgetNanoUsd: 2 }), { keyBudget }), now);
  assert.deepEqual([limits.maxBudgetNanoUsd, limits.requestsPerMinute, limits.budgetDuration], [2, 5, '1d']);
});

test('accounts: a soft budget is watched in the window of the budget', () => {
  const accounts = accountsOf(facts({ softBudgetNanoUsd: 3, budgetDuration: '1d' }), settings, now);
  assert.deepEqual(
    accounts.filter(isLimited).map(({ limits, softBudgetNanoUsd }) => [limits.windowStart, softBudgetNanoUsd]),
    [[today, 3]],
  );
});

const setAside = { maxBudgetNanoUsd: 3, budgetDuration: '1d', requestsPerMinute: null, tokensPerMinute: null };
const forModels = { modelBudgets: { grok: setAside }, modelRequestsPerMinute: { 'gr*': 2, llama: 1 } };

test('accounts: what each level has set aside for a model, after its own, whatever is in the names', () => {
  const limits = budget('b', forModels);
  const organizationMember = { ...organizationMemberOf('o%', 'u:v'), budgetId: 'b' };
  const belongs: Partial<Principal> = {
    team: team('t:1', forModels),
    memberBudget: limits,
    user: user('u:v', forModels),
    organizationBudget: limits,
    organizationMember,
    isOrganizer: false,
    organizationMemberBudget: limits,
  };
  const attribution = {
    customer: { id: 'a:b', customer: null, budget: limits },
    tags: [{ tag: tag('prod'), budget: limits }],
  };
  const ofTeam = { ...forModels, teamId: 't:1', userId: 'u:v', organizationId: 'o%' };
  const accounts = accountsOf(facts(ofTeam, belongs, { attribution }), settings, now);
  const holders = [
    { account: 'key:<hash>', model: 'key-model:<hash>', refuses: `Virtual Key: ${hash}, key_alias: None`, as: 'key' },
    { account: 'team:t:1', model: 'team-model:t%3A1', refuses: 'Team: t:1', as: 'team' },
    {
      account: 'member:t%3A1:u:v',
      model: 'member-model:t%3A1:u%3Av',
      refuses: 'User: u:v in Team: t:1',
      as: 'team_member',
    },
    { account: 'user:u:v', model: 'user-model:u%3Av', refuses: 'User: u:v', as: 'user', isFree: true },
    { account: 'organization:o%', model: 'organization-model:o%25', refuses: 'Organization: o%', as: 'organization' },
    {
      account: 'organization-member:o%25:u:v',
      model: 'organization-member-model:o%25:u%3Av',
      refuses: 'User: u:v in Organization: o%',
      as: 'organization_member',
    },
    { account: 'customer:a:b', model: 'customer-model:a%3Ab', refuses: 'End User: a:b', as: 'end_user' },
    { account: 'tag:prod', model: 'tag-model:prod', refuses: 'Tag: prod', as: 'tag' },
  ];
  const is = holders.flatMap(({ account, model, refuses, as, isFree = false }) => {
    const ofModel = (entry: string, at: number, budgetNanoUsd: number | null, requests: number | null) => ({
      id: `${model}:${entry}@${at}`,
      budget: isFree ? null : budgetNanoUsd,
      requests: isFree ? null : requests,
      as: `model_per_${as}`,
      refuses: `LiteLLM ${refuses}, exceeded budget for model=${entry}`,
    });
    return [
      `${account}@0`,
      ofModel('gr*', 0, null, 2),
      ofModel('grok', 0, null, null),
      ofModel('grok', today, 3, null),
    ];
  });
  assert.deepEqual(
    accounts.map(({ limits: { budgetNanoUsd, requestsPerMinute, ...account }, name, model }) => {
      const id = shownId(account);
      if (model === undefined) return id;
      const refuses = name.overBudget?.('1', '2');
      return { id, budget: budgetNanoUsd, requests: requestsPerMinute, as: name.descriptor, refuses };
    }),
    [...is, 'proxy:all@0'],
  );
});

test("accounts: a user's limits for one model limit keys without a team only", () => {
  const belongs = { user: user('u', forModels) };
  const personal = accountsOf(facts({ userId: 'u' }, belongs), settings, now);
  assert.deepEqual(limited(personal), { 'user-model:u:gr*': null, 'user-model:u:grok': 3 });
});

const triples: readonly { readonly ids: readonly [team: string, user: string, model: string]; readonly id: string }[] =
  [
    { ids: ['t', 'u', 'v:w'], id: 'member-model:t:u:v:w' },
    { ids: ['t', 'u:v', 'w'], id: 'member-model:t:u%3Av:w' },
    { ids: ['t:u', 'v', 'w'], id: 'member-model:t%3Au:v:w' },
    { ids: ['t', 'u%3Av', 'w'], id: 'member-model:t:u%253Av:w' },
  ];
for (const { ids, id } of triples) {
  test(`accounts: no other member and model have the account ${id}`, () => {
    const [teamId, userId, name] = ids;
    const memberBudget = budget('m', { modelRequestsPerMinute: { [name]: 1 } });
    const accounts = accountsOf(facts({ teamId, userId }, { memberBudget }, { model: { name } }), settings, now);
    assert.deepEqual(limited(accounts), { [id]: null });
  });
}
