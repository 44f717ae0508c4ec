/**
 * A value that a JSON schema allows: required properties only, the first of every choice, all the same for one `nth`.
 *
 * @param nth which of several calls it is for; texts and numbers differ with it
 */
export function sampleOf(schema: unknown, nth = 0, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > maxDepth) return null;
  const { type, properties, required, items, minimum, enum: choices, const: only, anyOf, oneOf } = schema as JsonSchema;
  if (only !== undefined) return only;
  if (choices?.[0] !== undefined) return choices[nth % choices.length];
  const alternative = anyOf?.[0] ?? oneOf?.[0];
  if (alternative !== undefined) return sampleOf(alternative, nth, depth + 1);

  switch (Array.isArray(type) ? type[0] : type) {
    case 'string':
      return sampleTexts[nth % sampleTexts.length];
    case 'integer':
    case 'number':
      return (minimum ?? 1) + nth;
    case 'boolean':
      return true;
    case 'array':
      return [sampleOf(items, nth, depth + 1)];
    case 'null':
      return null;
    case 'object':
    case undefined:
    default: {
      const entries = (required ?? []).map((name) => [name, sampleOf(properties?.[name], nth, depth + 1)] as const);
      return Object.fromEntries(entries);
    }
  }
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly items?: unknown;
  readonly minimum?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly unknown[];
  readonly oneOf?: readonly unknown[];
}

const maxDepth = 8;
const sampleTexts = ['Zürich', '東京', 'São Paulo', 'Oslo'];
