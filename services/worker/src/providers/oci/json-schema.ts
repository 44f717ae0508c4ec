import { isJsonObject } from '@sluice/shared/json-object.ts';
import { listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';

/** Bounds of the result: schemas come from clients, and few references can unfold to a great many nodes. */
const depthMax = 32;
const nodesMax = 10_000;

/** What stands for the part of a schema beyond the bounds, and for one within itself. */
const anyObject: WireObject = { type: 'object' };

/** Keywords with no meaning in the plain form. */
const annotations: ReadonlySet<string> = new Set(['title', '$defs', 'definitions', '$schema', '$id']);

/**
 * A JSON schema in the plain form that every OCI backend takes (litellm-contract.md §13.2): references are put
 * in place, a choice becomes its first branch that is not null, type lists become one type, arrays say what
 * they hold, and only properties that exist are required. Where a schema contains itself, any object may be.
 *
 * @param refused further keywords to leave out
 */
export function plainJsonSchema(schema: WireObject, refused: ReadonlySet<string>): WireObject {
  return plain(schema, [], { root: schema, refused, nodes: 0 });
}

interface Unfolding {
  readonly root: WireObject;
  readonly refused: ReadonlySet<string>;
  nodes: number;
}

/** @param path one entry per level: the reference that it was reached by, or an empty text */
function plain(node: WireObject, path: readonly string[], unfolding: Unfolding): WireObject {
  unfolding.nodes += 1;
  if (path.length > depthMax || unfolding.nodes > nodesMax) return anyObject;
  const { merged, references } = putBranchesInPlace(node, path, unfolding.root);
  const inside = [...path, references.join(' ')];
  const nested = (value: unknown): unknown => (isJsonObject(value) ? plain(value, inside, unfolding) : value);

  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(merged)) {
    if (unfolding.refused.has(keyword) || annotations.has(keyword)) continue;
    if (keyword === 'type') result['type'] = oneType(value);
    else if (keyword === 'default') result['default'] = value ?? undefined;
    else if (keyword === 'properties' && isJsonObject(value)) result['properties'] = mapValues(value, nested);
    else if (keyword === 'items' || keyword === 'additionalProperties') result[keyword] = nested(value);
    else result[keyword] = value;
  }
  if (result['default'] === undefined) delete result['default'];
  if (result['required'] !== undefined) result['required'] = existing(result['required'], result['properties']);
  if (result['type'] === 'array') result['items'] ??= { type: 'string' };
  return result;
}

/** The node with what it refers to and chooses from put in its place; what the node says itself wins. */
function putBranchesInPlace(
  node: WireObject,
  path: readonly string[],
  root: WireObject,
): { readonly merged: WireObject; readonly references: readonly string[] } {
  const references: string[] = [];
  const seen = new Set(path.flatMap((names) => names.split(' ')));
  let merged = node;
  for (let step = 0; step < depthMax; step += 1) {
    const reference = merged['$ref'];
    if (typeof reference === 'string') {
      if (seen.has(reference)) return { merged: anyObject, references };
      seen.add(reference);
      references.push(reference);
    }
    const branch = typeof reference === 'string' ? resolve(reference, root) : branchOf(merged);
    if (branch === null) break;
    const { $ref: _ref, anyOf: _anyOf, oneOf: _oneOf, allOf: _allOf, ...own } = merged;
    merged = { ...branch, ...own };
  }
  return { merged, references };
}

function branchOf(node: WireObject): WireObject | null {
  const choice = listOf(node['anyOf'] ?? node['oneOf']).filter(isJsonObject);
  if (choice.length > 0) return choice.find((branch) => branch['type'] !== 'null') ?? anyObject;
  const [first, ...others] = listOf(node['allOf']).filter(isJsonObject);
  return first ? others.reduce(both, first) : null;
}

/** Two parts of an `allOf`. A second reference has no place beside the first, so its part is left out. */
function both(one: WireObject, other: WireObject): WireObject {
  const properties = { ...asObject(one['properties']), ...asObject(other['properties']) };
  const required = [...listOf(one['required']), ...listOf(other['required'])];
  return {
    ...other,
    ...one,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required } : {}),
  };
}

/** `#/$defs/Name` and `#/definitions/Name`, also deeper; what does not exist may be anything. */
function resolve(reference: string, root: WireObject): WireObject {
  let node: unknown = root;
  for (const step of reference.split('/').slice(1)) {
    node = isJsonObject(node) ? node[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  }
  return isJsonObject(node) ? node : anyObject;
}

function oneType(value: unknown): unknown {
  return Array.isArray(value) ? (value.find((type) => type !== 'null') ?? 'string') : value;
}

function existing(required: unknown, properties: unknown): string[] {
  const known = asObject(properties);
  return listOf(required)
    .map(textOf)
    .filter((name) => Object.hasOwn(known, name));
}

function mapValues(object: WireObject, map: (value: unknown) => unknown): WireObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}

function asObject(value: unknown): WireObject {
  return isJsonObject(value) ? value : {};
}
