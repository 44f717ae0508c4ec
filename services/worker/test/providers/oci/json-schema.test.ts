import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainJsonSchema } from '../../../src/providers/oci/json-schema.ts';
import type { WireObject } from '../../../src/providers/http/wire.ts';

const cases: readonly { schema: WireObject; plain: WireObject; refused?: string[]; why: string }[] = [
  {
    schema: {
      $defs: { City: { title: 'City', type: 'object', properties: { name: { type: 'string' } } } },
      type: 'object',
      properties: { city: { $ref: '#/$defs/City' } },
    },
    plain: {
      type: 'object',
      properties: { city: { type: 'object', properties: { name: { type: 'string' } } } },
    },
    why: 'a reference is put in place',
  },
  {
    schema: { properties: { a: { anyOf: [{ type: 'null' }, { type: 'integer' }], default: null, description: 'n' } } },
    plain: { properties: { a: { type: 'integer', description: 'n' } } },
    why: 'an optional field is its branch that is not null',
  },
  {
    schema: { definitions: { A: { type: 'string' } }, allOf: [{ $ref: '#/definitions/A' }], description: 'd' },
    plain: { type: 'string', description: 'd' },
    why: 'a lone allOf is what it holds',
  },
  {
    schema: {
      allOf: [
        { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: { type: 'integer' } }, required: ['b'] },
      ],
    },
    plain: {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'integer' } },
      required: ['a', 'b'],
    },
    why: 'the parts of an allOf become one',
  },
  {
    schema: { type: ['null', 'string'], title: 'T', default: 'x' },
    plain: { type: 'string', default: 'x' },
    why: 'a list of types is its first that is not null',
  },
  {
    schema: { properties: { title: { title: 'Title', type: 'string' } }, required: ['title', 'gone'] },
    plain: { properties: { title: { type: 'string' } }, required: ['title'] },
    why: 'a property named title stays; one that does not exist is not required',
  },
  {
    schema: { required: ['a'], properties: { a: { type: 'array' } } },
    plain: { properties: { a: { type: 'array', items: { type: 'string' } } }, required: ['a'] },
    why: 'an array says what it holds',
  },
  {
    schema: { type: 'array', items: { anyOf: [{ type: 'number' }, { type: 'string' }] } },
    plain: { type: 'array', items: { type: 'number' } },
    why: 'a choice becomes its first branch',
  },
  {
    schema: { type: 'integer', exclusiveMinimum: 0, maximum: 5 },
    plain: { type: 'integer', maximum: 5 },
    refused: ['exclusiveMinimum'],
    why: 'a keyword that the backend refuses is left out',
  },
  { schema: { $ref: '#/$defs/Gone' }, plain: { type: 'object' }, why: 'a reference to nothing may be anything' },
  { schema: { enum: ['a', 'b'], pattern: '^a' }, plain: { enum: ['a', 'b'], pattern: '^a' }, why: 'the rest stays' },
];
for (const { schema, plain, refused, why } of cases) {
  test(`json schema: ${why}`, () => assert.deepEqual(plainJsonSchema(schema, new Set(refused)), plain));
}

test('json schema: one that contains itself is unfolded once', () => {
  const node = { type: 'object', properties: { left: { $ref: '#/$defs/Node' }, value: { type: 'integer' } } };
  const inner = { type: 'object', properties: { left: { type: 'object' }, value: { type: 'integer' } } };
  assert.deepEqual(plainJsonSchema({ $defs: { Node: node }, $ref: '#/$defs/Node' }, new Set()), inner);
});

test('json schema: a reference to itself alone ends', () =>
  assert.ok(plainJsonSchema({ $defs: { A: { $ref: '#/$defs/A' } }, $ref: '#/$defs/A' }, new Set())));

test('json schema: references that double at every level are cut off', () => {
  const levels = Array.from({ length: 30 }, (_, level): [string, WireObject] => {
    const next = { $ref: `#/$defs/L${level + 1}` };
    return [`L${level}`, { type: 'object', properties: { a: next, b: next } }];
  });
  const schema = { $defs: Object.fromEntries<WireObject>(levels), $ref: '#/$defs/L0' };
  assert.ok(JSON.stringify(plainJsonSchema(schema, new Set())).length < 1_000_000);
});
