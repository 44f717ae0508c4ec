import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnknown, namedModels } from '../../src/models/named-models.ts';
import { aliasesOf, catalogModel, deployment, resolverOf } from './sample-models.ts';

const here = [catalogModel('xai.grok-4'), catalogModel('meta.llama-3'), catalogModel('cohere.embed-v4.0')];

const cases: readonly {
  why: string;
  aliases: Parameters<typeof aliasesOf>[0];
  known?: Readonly<Record<string, ReturnType<typeof catalogModel>[]>>;
  names: readonly string[];
}[] = [
  { why: 'without wildcards, the aliases in order', aliases: { b: ['oci/x'], a: ['oci/y'] }, names: ['b', 'a'] },
  {
    why: 'a wildcard is what its deployment has, by name',
    aliases: { 'oci/*': ['oci/*'] },
    known: { 'oci/*@oci/*': here },
    names: ['oci/cohere.embed-v4.0', 'oci/meta.llama-3', 'oci/xai.grok-4'],
  },
  {
    why: 'everything, by the provider’s own names',
    aliases: { '*': ['oci/*'] },
    known: { '*@oci/*': here },
    names: ['cohere.embed-v4.0', 'meta.llama-3', 'xai.grok-4'],
  },
  {
    why: 'everything, with the provider in front',
    aliases: { '*': ['*'] },
    known: { '*@*': here },
    names: ['oci/cohere.embed-v4.0', 'oci/meta.llama-3', 'oci/xai.grok-4'],
  },
  {
    why: 'part of a name',
    aliases: { 'grok-*': ['oci/xai.grok-*'] },
    known: { 'grok-*@oci/xai.grok-*': [...here, catalogModel('xai.grok-3-mini')] },
    names: ['grok-3-mini', 'grok-4'],
  },
  {
    why: 'wildcards stand where the file has them; a name of its own wins over theirs',
    aliases: { first: ['oci/x'], 'oci/*': ['oci/*'], 'oci/xai.grok-4': ['oci/y'], last: ['oci/z'] },
    known: { 'oci/*@oci/*': here },
    names: ['first', 'oci/cohere.embed-v4.0', 'oci/meta.llama-3', 'oci/xai.grok-4', 'last'],
  },
  {
    why: 'each name once, of several wildcards and deployments',
    aliases: { 'oci/*': ['oci/*', deployment('oci/*', 'oci/*', { id: 'other region' })], 'oci/xai.*': ['oci/xai.*'] },
    known: { 'oci/*@oci/*': here.slice(0, 1), 'other region': here.slice(0, 2), 'oci/xai.*@oci/xai.*': here },
    names: ['oci/meta.llama-3', 'oci/xai.grok-4'],
  },
  { why: 'nobody knows: only the names of the file', aliases: { a: ['oci/x'], 'oci/*': ['oci/*'] }, names: ['a'] },
  {
    why: 'a wildcard that leads to one model stands for no names in particular',
    aliases: { 'grok-*': ['oci/xai.grok-4'] },
    known: { 'grok-*@oci/xai.grok-4': here },
    names: [],
  },
  {
    why: 'more stars than captures name nothing',
    aliases: { '*/*': ['oci/*'] },
    known: { '*/*@oci/*': here },
    names: [],
  },
];

for (const { why, aliases, known = {}, names } of cases) {
  test(`named models: ${why}`, () => {
    const config = aliasesOf(aliases);
    const resolve = resolverOf(config);
    const named = namedModels({ config, resolve }, new Map(Object.entries(known)));
    assert.deepEqual(
      named.map(({ name }) => name),
      names,
    );
    for (const { name, deployments } of named) assert.deepEqual(deployments, resolve(name)?.deployments);
  });
}

test('named models: what a model of a wildcard is for, the provider says', () => {
  const config = aliasesOf({ 'oci/*': ['oci/*'] });
  const known = new Map([['oci/*@oci/*', [...here, catalogModel('cohere.rerank-v4', { mode: 'rerank' })]]]);
  const modes = namedModels({ config, resolve: resolverOf(config) }, known).map(({ name, mode }) => [name, mode]);
  assert.deepEqual(modes, [
    ['oci/cohere.embed-v4.0', 'embedding'],
    ['oci/cohere.rerank-v4', 'rerank'],
    ['oci/meta.llama-3', 'chat'],
    ['oci/xai.grok-4', 'chat'],
  ]);
});

test('named models: a name that nothing resolves is not there', () => {
  const config = aliasesOf({ 'oci/*': ['oci/*'] });
  assert.deepEqual(namedModels({ config, resolve: () => null }, new Map([['oci/*@oci/*', here]])), []);
});

test('an alias is unknown while nobody knows about any of its deployments', () => {
  const { aliases } = aliasesOf({ 'oci/*': ['oci/*', deployment('oci/*', 'oci/*', { id: 'other' })] });
  const alias = aliases.get('oci/*');
  assert.ok(alias);
  assert.equal(isUnknown(alias, new Map()), true);
  assert.equal(isUnknown(alias, new Map([['other', []]])), false);
});
