import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { isListed, mayBeUsedFor, mayUseAlias, requireModel, requireModelFor } from '../../src/auth/may-use-model.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import type { Attribution } from '../../src/tenancy/attribution.ts';
import type { Principal } from '../../src/tenancy/principal.ts';
import { deployment } from '../models/sample-models.ts';
import { budget, member, organization, tag, team, user } from '../tenancy/entities.ts';
import { principalOf, virtualKey } from './virtual-keys.ts';

const cases = [
  { models: [], alias: 'any', may: true, why: 'no list is every alias' },
  { models: ['a', 'b'], alias: 'b', may: true, why: 'named' },
  { models: ['a', 'b'], alias: 'c', may: false, why: 'not named' },
  { models: ['grok'], alias: 'grok-4', may: false, why: 'a prefix is not the name' },
  { models: ['a'], alias: 'A', may: false, why: 'case counts' },
  { models: ['all-proxy-models'], alias: 'any', may: true, why: 'everything' },
  { models: ['all-team-models'], alias: 'any', may: true, why: 'without a team, everything' },
  { models: ['no-default-models'], alias: 'any', may: false, why: 'nothing' },
  { models: ['no-default-models'], alias: 'no-default-models', may: false, why: 'the word for nothing names no alias' },
  { models: ['no-default-models', 'a'], alias: 'a', may: true, why: 'nothing but what is named beside it' },
  { models: ['*'], alias: 'any', may: true, why: 'any text' },
  { models: ['oci/*'], alias: 'oci/xai.grok-4', may: true, why: 'any text after a prefix' },
  { models: ['oci/*'], alias: 'openai/oci/x', may: false, why: 'anchored at the start' },
  { models: ['*-mini'], alias: 'gpt-mini-2', may: false, why: 'anchored at the end' },
  { models: ['oci/*.grok-*'], alias: 'oci/xai.grok-4', may: true, why: 'two wildcards' },
  { models: ['ab*ba'], alias: 'aba', may: false, why: 'head and tail do not overlap' },
  { models: ['a*b*b'], alias: 'ab', may: false, why: 'nor do middle and tail' },
  { models: ['a.c'], alias: 'abc', may: false, why: 'a dot is a dot' },
];

for (const { models, alias, may, why } of cases) {
  test(`model access: ${why}`, () => assert.equal(mayUseAlias(holder({ models }), { name: alias }), may));
}

test('model access: another name of an alias may be used by either name', () => {
  const alias = { name: 'gpt-4', standsFor: 'oci/xai.grok-4' };
  for (const models of [[], ['gpt-4'], ['oci/xai.grok-4'], ['oci/*']]) {
    assert.equal(mayUseAlias(holder({ models }), alias), true);
  }
  assert.equal(mayUseAlias(holder({ models: ['grok'] }), alias), false);
  assert.equal(mayUseAlias(holder({ models: ['oci/*'] }), { name: 'gpt-4' }), false);
});

test('model access: a hostile pattern takes no time', () => {
  const models = [`${'*a'.repeat(100)}*b`];
  assert.equal(isListed(models, 'a'.repeat(100_000)), false);
});

test('model access: an alias is also listed by a group that it is in', () => {
  const info = { access_groups: ['beta', 'cheap'] };
  const alias = { name: 'grok', deployments: [deployment('grok', 'oci/xai.grok-4', { info })] };
  assert.equal(mayUseAlias(holder({ models: ['llama', 'beta'] }), alias), true);
  assert.equal(mayUseAlias(holder({ accessGroupIds: ['cheap'] }), alias), true);
  assert.equal(mayUseAlias(holder({ accessGroupIds: ['other'] }), alias), false, 'and then by nothing else');
  assert.equal(mayUseAlias(holder({ models: ['bet*'] }), alias), false, 'a pattern is of names');
});

const a = { models: ['a'] };
const b = { models: ['b'] };
const inTeam = { teamId: 't', userId: 'u' } as const;
const only = (who: string) =>
  `${who} not allowed to access model. This ${who} can only access models=['a']. Tried to access b`;

const refusals: { why: string; principal: Principal; code: string | null; message?: string }[] = [
  { why: 'no list refuses', principal: holder({}, {}), code: null },
  { why: 'the key', principal: holder(a), code: 'model_not_allowed', message: only('key') },
  {
    why: 'the team, before the key',
    principal: holder({ ...a, ...inTeam }, { team: team('t', a) }),
    code: 'team_model_not_allowed',
    message: only('team'),
  },
  {
    why: 'the user of a personal key, before the key',
    principal: holder({ ...a, userId: 'u' }, { user: user('u', a) }),
    code: 'user_model_not_allowed',
    message: only('user'),
  },
  {
    why: "not the user, of a team's key",
    principal: holder(inTeam, { team: team('t'), user: user('u', a) }),
    code: null,
  },
  {
    why: 'the member of a team',
    principal: holder(inTeam, { team: team('t', b), member: member('t', 'u', a) }),
    code: 'team_model_not_allowed',
    message: "Team member not allowed to access model. User=u, Team=t, Model=b. Allowed member models = ['a']",
  },
  {
    why: "the team's list for members without one",
    principal: holder(inTeam, { team: team('t', { defaultMemberModels: ['a'] }) }),
    code: 'team_model_not_allowed',
  },
  {
    why: 'not that one, of a member with a list',
    principal: holder(inTeam, { team: team('t', { defaultMemberModels: ['a'] }), member: member('t', 'u', b) }),
    code: null,
  },
  {
    why: 'the organization',
    principal: holder({}, { organization: organization('o', a) }),
    code: 'organization_model_not_allowed',
    message: only('org'),
  },
  {
    why: "the key's budget",
    principal: holder({}, { keyBudget: budget('k', a) }),
    code: 'model_not_allowed',
    message: only('key'),
  },
  {
    why: "the member's budget",
    principal: holder(inTeam, { team: team('t'), memberBudget: budget('m', a) }),
    code: 'team_model_not_allowed',
    message: "Team member not allowed to access model. User=u, Team=t, Model=b. Allowed member models = ['a']",
  },
  {
    why: "the organization's budget",
    principal: holder({}, { organization: organization('o'), organizationBudget: budget('o', a) }),
    code: 'organization_model_not_allowed',
    message: only('org'),
  },
  {
    why: "the organization member's budget",
    principal: holder({}, { organization: organization('o'), organizationMemberBudget: budget('o', a) }),
    code: 'organization_model_not_allowed',
  },
  {
    why: "the team's models, as the key has them",
    principal: holder({ ...inTeam, models: ['all-team-models'] }, { team: team('t', b) }),
    code: null,
  },
];

for (const { why, principal, code, message } of refusals) {
  test(`model access, who refuses: ${why}`, () => {
    const ask = () => requireModel(principal, { name: 'b' });
    if (code === null) assert.doesNotThrow(ask);
    else assert.throws(ask, { code, param: 'model', ...(message && { message }) });
  });
}

test("model access: all-team-models of a key is no more than its team's", () => {
  const key = { ...inTeam, models: ['all-team-models', 'c'] };
  const principal = holder(key, { team: team('t', { models: ['b', 'c'] }) });
  assert.equal(mayUseAlias(principal, { name: 'a' }), false);
  assert.equal(mayUseAlias(principal, { name: 'c' }), true);
});

const zoe = { id: 'zoe', customer: null, budget: null } as const;
const attributed: { why: string; attribution: Attribution; code: string | null; message?: string }[] = [
  { why: 'nobody is named', attribution: noAttribution, code: null },
  {
    why: 'lists that name it',
    attribution: { customer: zoe, tags: [{ tag: tag('x', b), budget: budget('x', b) }] },
    code: null,
  },
  {
    why: "the end user's budget",
    attribution: { customer: { ...zoe, budget: budget('z', a) }, tags: [] },
    code: 'customer_model_not_allowed',
    message: only('end user'),
  },
  {
    why: 'one of the tags',
    attribution: {
      customer: null,
      tags: [
        { tag: tag('x', b), budget: null },
        { tag: tag('y', a), budget: null },
      ],
    },
    code: 'tag_model_not_allowed',
    message: only("tag 'y'"),
  },
  {
    why: "a tag's budget",
    attribution: { customer: null, tags: [{ tag: tag('y'), budget: budget('y', a) }] },
    code: 'tag_model_not_allowed',
    message: only("tag 'y'"),
  },
];

for (const { why, attribution, code, message } of attributed) {
  test(`model access, whom it is for: ${why}`, () => {
    const ask = () => requireModelFor(attribution, { name: 'b' });
    assert.equal(mayBeUsedFor(attribution, { name: 'b' }), code === null);
    if (code === null) assert.doesNotThrow(ask);
    else assert.throws(ask, { code, param: 'model', ...(message && { message }) });
  });
}

function holder(key: Partial<VirtualKey>, set: Partial<Principal> = {}): Principal {
  return principalOf(virtualKey('sk-models-0123456789', key), set);
}
