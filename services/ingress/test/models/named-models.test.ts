import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnknown, namedModels } from '../../src/models/named-models.ts';
import { catalogModel, deployment, elsewhere, namesOf, otherPlace, place } from './sample-models.ts';

const grok = catalogModel('xai.grok-4');
const llama = catalogModel('meta.llama-3');
const embed = catalogModel('cohere.embed-v4.0');
const here = { [place]: [grok, llama, embed] };
const bookNames = ['oci/from-the-book', 'oci/xai.grok-4'];

const cases: readonly {
  why: string;
  names: Parameters<typeof namesOf>[0];
  known?: Readonly<Record<string, readonly (typeof grok)[]>>;
  shown: readonly string[];
}[] = [
  { why: 'without wildcards, the aliases in order', names: { b: ['oci/x'], a: ['oci/y'] }, shown: ['b', 'a'] },
  {
    why: 'a wildcard is what its deployment has, by name',
    names: { 'oci/*': ['oci/*'] },
    known: here,
    shown: ['oci/cohere.embed-v4.0', 'oci/meta.llama-3', 'oci/xai.grok-4'],
  },
  {
    why: 'everything, by the provider’s own names',
    names: { '*': ['oci/*'] },
    known: here,
    shown: ['cohere.embed-v4.0', 'meta.llama-3', 'xai.grok-4'],
  },
  {
    why: 'part of a name',
    names: { 'grok-*': ['oci/xai.grok-*'] },
    known: { [place]: [llama, grok, catalogModel('xai.grok-3-mini')] },
    shown: ['grok-3-mini', 'grok-4'],
  },
  {
    why: 'a name of its own wins over a wildcard’s, and stands where the file has it',
    names: { first: ['oci/x'], 'oci/*': ['oci/*'], 'oci/xai.grok-4': ['oci/y'], last: ['oci/z'] },
    known: here,
    shown: ['first', 'oci/xai.grok-4', 'last', 'oci/cohere.embed-v4.0', 'oci/meta.llama-3'],
  },
  {
    why: 'each name once, of several wildcards and places',
    names: { 'oci/*': ['oci/*', elsewhere('oci/*', 'oci/*')], 'oci/xai.*': ['oci/xai.*'] },
    known: { [place]: [grok], [otherPlace]: [grok, llama] },
    shown: ['oci/meta.llama-3', 'oci/xai.grok-4'],
  },
  {
    why: 'one place is known and another is not: what is known',
    names: { 'oci/*': ['oci/*', elsewhere('oci/*', 'oci/*')] },
    known: { [otherPlace]: [llama] },
    shown: ['oci/meta.llama-3'],
  },
  { why: 'a place that has nothing: nothing', names: { 'oci/*': ['oci/*'] }, known: { [place]: [] }, shown: [] },
  {
    why: 'nobody knows what is there: what the price book knows',
    names: { a: ['oci/x'], 'oci/*': ['oci/*'] },
    shown: ['a', 'oci/from-the-book', 'oci/xai.grok-4'],
  },
  {
    why: 'a wildcard that leads to one model stands for no names in particular',
    names: { 'grok-*': ['oci/xai.grok-4'] },
    known: here,
    shown: [],
  },
  { why: 'more stars than the model has name nothing', names: { '*/*': ['oci/*'] }, known: here, shown: [] },
];

for (const { why, names: file, known = {}, shown } of cases) {
  test(`named models: ${why}`, () => {
    const names = namesOf(file, bookNames);
    const named = namedModels(names, new Map(Object.entries(known)));
    assert.deepEqual(
      named.map(({ name }) => name),
      shown,
    );
    for (const { name, deployments } of named) assert.deepEqual(deployments, names.resolve(name)?.deployments);
  });
}

test('named models: what a model of a wildcard is for, the provider says', () => {
  const known = new Map([[place, [grok, llama, embed, catalogModel('cohere.rerank-v4', { mode: 'rerank' })]]]);
  const modes = namedModels(namesOf({ 'oci/*': ['oci/*'] }), known).map(({ name, mode }) => [name, mode]);
  assert.deepEqual(modes, [
    ['oci/cohere.embed-v4.0', 'embedding'],
    ['oci/cohere.rerank-v4', 'rerank'],
    ['oci/meta.llama-3', 'chat'],
    ['oci/xai.grok-4', 'chat'],
  ]);
});

test('named models: a hidden name is not shown, not even by a wildcard', () => {
  const names = namesOf({ 'oci/xai.grok-4': ['oci/xai.grok-4'], 'oci/*': ['oci/*'] });
  const [alias] = names.aliases.values();
  assert.ok(alias);
  const hidden = { ...names, aliases: new Map([[alias.name, { ...alias, hidden: true }]]) };
  assert.deepEqual(
    namedModels(hidden, new Map([[place, [grok, llama]]])).map(({ name }) => name),
    ['oci/meta.llama-3'],
  );
});

test('named models: a name that nothing resolves is not there', () => {
  const names = { ...namesOf({ 'oci/*': ['oci/*'] }), resolve: () => null };
  assert.deepEqual(namedModels(names, new Map(Object.entries(here))), []);
});

test('deployments are unknown while nobody knows about any of their places', () => {
  const deployments = [deployment('oci/*', 'oci/*'), elsewhere('oci/*', 'oci/*')];
  assert.equal(isUnknown({ deployments }, new Map()), true);
  assert.equal(isUnknown({ deployments }, new Map([[otherPlace, []]])), false);
});
