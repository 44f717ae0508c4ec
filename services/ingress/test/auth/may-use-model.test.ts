import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayUseAlias, mayUseModel, requireModel } from '../../src/auth/may-use-model.ts';

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
  test(`model access: ${why}`, () => assert.equal(mayUseModel({ models }, alias), may));
}

test('model access: another name of an alias may be used by either name', () => {
  const alias = { name: 'gpt-4', standsFor: 'oci/xai.grok-4' };
  for (const models of [[], ['gpt-4'], ['oci/xai.grok-4'], ['oci/*']])
    assert.equal(mayUseAlias({ models }, alias), true);
  assert.equal(mayUseAlias({ models: ['grok'] }, alias), false);
  assert.equal(mayUseAlias({ models: ['oci/*'] }, { name: 'gpt-4' }), false);
});

test('model access: a hostile pattern takes no time', () => {
  const models = [`${'*a'.repeat(100)}*b`];
  assert.equal(mayUseModel({ models }, 'a'.repeat(100_000)), false);
});

test('model access: the refusal has the text that clients look for', () => {
  assert.doesNotThrow(() => requireModel({ models: ['a'] }, 'a'));
  assert.throws(() => requireModel({ models: ['a', 'oci/*'] }, 'b'), {
    code: 'model_not_allowed',
    param: 'model',
    message: "key not allowed to access model. This key can only access models=['a', 'oci/*']. Tried to access b",
  });
});
