import { Metadata } from '@sluice/shared/api/litellm/key.ts';
import { TeamMember } from '@sluice/shared/api/litellm/team.ts';
import { ChatMessage, Tool, ToolCall, ToolChoice } from '@sluice/shared/api/openai/chat-completion.ts';
import { z } from 'zod';
import { ErrorBody, ValidationErrorBody } from './answers/error-bodies.ts';
import { CompletionUsage } from './answers/inference-answers.ts';
import { KeyInfo } from './answers/key-answers.ts';
import { Budget } from './answers/limit-rows.ts';
import { OrganizationMembership } from './answers/organization-answers.ts';
import { Team, TeamMembership } from './answers/team-answers.ts';
import type { Named } from './operation.ts';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What others are made of. */
const parts: Named = {
  Budget,
  ChatMessage,
  CompletionUsage,
  ErrorBody,
  KeyInfo,
  Metadata,
  OrganizationMembership,
  Team,
  TeamMember,
  TeamMembership,
  Tool,
  ToolCall,
  ToolChoice,
  ValidationErrorBody,
};

/**
 * Schemas as the document has them, by name; one that another is made of is there once, and referred to. They describe
 * what is sent: of a request what the handler parses, of an answer what it is.
 *
 * @throws Error for one name of two schemas
 */
export function componentSchemas(all: readonly Named[]): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  const taken = new Map<string, z.ZodType>();
  for (const [id, schema] of [parts, ...all].flatMap(Object.entries<z.ZodType>)) {
    if ((taken.get(id) ?? schema) !== schema) throw new Error(`two schemas are called ${id}`);
    taken.set(id, schema);
    registry.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(registry, { ...dialect, uri: refTo });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _dialect, $id: _id, ...schema }]) => [id, schema]),
  );
}

export function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}

export interface QueryParameter {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** A query carries text; what is read as a number or a boolean is shown as what it is read as. */
export function queryParameters(query: z.ZodObject): QueryParameter[] {
  const sent = z.toJSONSchema(query, dialect);
  const read = z.toJSONSchema(query, { ...dialect, io: 'output', unrepresentable: 'any' });
  return Object.entries(sent.properties ?? {}).map(([name, text]) => {
    const value = read.properties?.[name];
    const isPlain = typeof value === 'object' && (value.type === 'integer' || value.type === 'boolean');
    const schema = isPlain ? value : text;
    if (typeof schema !== 'object') throw new Error(`the parameter ${name} has no schema`);
    return { name, required: sent.required?.includes(name) ?? false, schema };
  });
}

/** What zod adds to what a schema says: bounds of exact integers, and how dates look that have a format. */
const dialect = {
  target: 'draft-2020-12',
  io: 'input',
  override({ jsonSchema }) {
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.format?.startsWith('date')) delete jsonSchema.pattern;
  },
} as const satisfies z.core.ToJSONSchemaParams;
