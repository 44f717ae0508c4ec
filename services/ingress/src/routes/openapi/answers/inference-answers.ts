import { ToolCall } from '@sluice/shared/api/openai/chat-completion.ts';
import { z } from 'zod';

const finishReason = z.string().describe('stop, length, tool_calls or content_filter.');
const objects = z.array(z.record(z.string(), z.unknown()));

export const CompletionUsage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
});

const envelope = {
  id: z.string(),
  created: z.int().describe('Seconds since 1970.'),
  model: z.string().describe('As the request named it, unless a fallback answered.'),
};

/** Of answers whole and in pieces. */
const written = {
  content: z.string().nullish(),
  reasoning_content: z.string().optional(),
  refusal: z.string().nullish(),
  annotations: objects.optional(),
  provider_specific_fields: z.record(z.string(), z.unknown()).optional(),
};

const logprobs = z.record(z.string(), z.unknown()).nullable();

export const ChatCompletion = z.object({
  ...envelope,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({ role: z.literal('assistant'), ...written, tool_calls: z.array(ToolCall).optional() }),
      logprobs,
      finish_reason: finishReason,
    }),
  ),
  usage: CompletionUsage,
  system_fingerprint: z.null(),
});

export const ChatCompletionChunk = z.object({
  ...envelope,
  object: z.literal('chat.completion.chunk'),
  system_fingerprint: z.null(),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        role: z.literal('assistant').optional(),
        ...written,
        tool_calls: z
          .array(
            z.object({
              index: z.int(),
              id: z.string().optional(),
              type: z.literal('function').optional(),
              function: z.object({ name: z.string().optional(), arguments: z.string() }),
            }),
          )
          .optional(),
      }),
      logprobs,
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: CompletionUsage.nullish(),
});

export const TextCompletion = z.object({
  ...envelope,
  object: z.literal('text_completion'),
  choices: z.array(z.looseObject({ index: z.int(), text: z.string(), finish_reason: finishReason.nullable() })),
  usage: CompletionUsage.nullish(),
});

export const EmbeddingList = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      embedding: z.union([z.array(z.number()), z.string().describe('base64 of little-endian float32.')]),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

export const Moderations = z.object({
  id: z.string(),
  model: z.string(),
  results: z.array(
    z.object({
      flagged: z.boolean(),
      categories: z.record(z.string(), z.boolean()),
      category_scores: z.record(z.string(), z.number()),
      category_applied_input_types: z.record(z.string(), z.array(z.string())),
      pii_entities: objects.optional(),
    }),
  ),
});

export const Reranking = z.object({
  id: z.string(),
  results: z
    .array(
      z.object({
        index: z.int(),
        relevance_score: z.number(),
        document: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .describe('The best first.'),
  meta: z.object({
    api_version: z.object({ version: z.string() }),
    billed_units: z.object({ search_units: z.int() }),
    tokens: z.object({ input_tokens: z.int(), output_tokens: z.int() }),
  }),
});
