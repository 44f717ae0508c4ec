import type { JsonSchema } from '../../src/routes/openapi/schemas.ts';

/** A value that fits a schema of the document: its example, or one that is made up, with every property there is. */
export function sampleOf(schema: JsonSchema | boolean, components: Readonly<Record<string, JsonSchema>>): unknown {
  if (typeof schema === 'boolean') return 'anything';
  const { $ref, examples, anyOf, oneOf, type, enum: allowed } = schema;
  if ($ref !== undefined) return sampleOf(components[$ref.split('/').at(-1) ?? ''] ?? false, components);
  if (Array.isArray(examples)) return examples[0];
  if ('const' in schema) return schema.const;
  if (allowed !== undefined) return allowed[0];
  const [alternative] = (anyOf ?? oneOf ?? []).filter((one) => typeof one === 'boolean' || one.type !== 'null');
  if (alternative !== undefined) return sampleOf(alternative, components);
  switch (Array.isArray(type) ? type.find((name) => name !== 'null') : type) {
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return schema.minimum ?? (typeof schema.exclusiveMinimum === 'number' ? schema.exclusiveMinimum + 1 : 0);
    case 'boolean':
      return true;
    case 'array':
      return typeof schema.items === 'object' && !Array.isArray(schema.items)
        ? [sampleOf(schema.items, components)]
        : [];
    case 'object':
      return membersOf(schema, components);
    case 'null':
    case undefined:
      return 'anything';
  }
}

function textOf({ format }: JsonSchema): string {
  if (format === 'date') return '2027-01-31';
  return format === 'date-time' ? '2027-01-31T12:00:00Z' : 'text';
}

function membersOf({ properties = {} }: JsonSchema, components: Readonly<Record<string, JsonSchema>>): object {
  return Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, sampleOf(member, components)]));
}
