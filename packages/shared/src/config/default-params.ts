import type { z } from 'zod';
import { RerankRequest } from '../api/cohere/rerank.ts';
import { ChatCompletionRequest } from '../api/openai/chat-completion.ts';
import { EmbeddingRequest } from '../api/openai/embedding.ts';
import { ModerationRequest } from '../api/openai/moderation.ts';
import { formatPath } from './config-path.ts';
import type { Mode } from './gateway-config.ts';
import type { Section } from './section.ts';

/** How the file may spell a parameter's value; its bounds are those of a request's own. */
type Kind = 'number' | 'boolean' | 'string' | 'list' | 'mapping' | 'as it is';

/**
 * The OpenAI parameters that `litellm_params` may give as defaults. Left out: what only a single request can say
 * (`messages`, `input`), and `stream`, by which a client chooses the form of its answer.
 */
const openAiParams = {
  temperature: 'number',
  top_p: 'number',
  top_k: 'number',
  n: 'number',
  max_tokens: 'number',
  max_completion_tokens: 'number',
  stop: 'as it is',
  seed: 'number',
  frequency_penalty: 'number',
  presence_penalty: 'number',
  logit_bias: 'mapping',
  logprobs: 'boolean',
  top_logprobs: 'number',
  tools: 'list',
  tool_choice: 'as it is',
  parallel_tool_calls: 'boolean',
  functions: 'list',
  function_call: 'as it is',
  response_format: 'mapping',
  reasoning_effort: 'string',
  verbosity: 'string',
  stream_options: 'mapping',
  modalities: 'list',
  prediction: 'mapping',
  audio: 'mapping',
  web_search_options: 'mapping',
  service_tier: 'string',
  store: 'boolean',
  metadata: 'mapping',
  user: 'string',
  dimensions: 'number',
  encoding_format: 'string',
  input_type: 'string',
  truncate: 'string',
  max_chunks_per_doc: 'number',
  max_tokens_per_doc: 'number',
  categories: 'list',
  pii_types: 'list',
} as const satisfies Record<string, Kind>;

const requests: Readonly<Record<Mode, z.ZodObject>> = {
  chat: ChatCompletionRequest,
  embedding: EmbeddingRequest,
  rerank: RerankRequest,
  moderation: ModerationRequest,
};

export const defaultParamNames: readonly string[] = Object.keys(openAiParams);

/** What a deployment adds to requests that do not say otherwise, checked as if a client had sent it. */
export function readDefaultParams(params: Section, mode: Mode): Readonly<Record<string, unknown>> {
  const checks: Readonly<Record<string, z.ZodType>> = requests[mode].shape;
  const defaults: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(openAiParams)) {
    const value = readParam(params, name, kind);
    if (value === null) continue;
    const reason = refusal(checks[name], value);
    if (reason === null) defaults[name] = value;
    else params.problem(name, reason);
  }
  return defaults;
}

/** Those defaults that a request of this mode can have: what a wildcard gives to whatever model it meets. */
export function defaultsFor(
  mode: Mode,
  defaults: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names = requests[mode]?.shape ?? {};
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => Object.hasOwn(names, name)));
}

function readParam(params: Section, name: string, kind: Kind): unknown {
  switch (kind) {
    case 'number':
      return params.number(name);
    case 'boolean':
      return params.boolean(name);
    case 'string':
      return params.string(name);
    case 'list':
      return params.array(name);
    case 'mapping':
      return params.mapping(name);
    case 'as it is':
      return params.any(name);
    default:
      return kind satisfies never;
  }
}

/** Why a request with this value would be refused, without the value; null: it would not. */
function refusal(check: z.ZodType | undefined, value: unknown): string | null {
  const issue = check?.safeParse(value).error?.issues[0];
  if (issue === undefined) return null;
  const inside = issue.path.length > 0 ? `at ${formatPath(issue.path.map(stepOf))}: ` : '';
  return `${inside}${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

function stepOf(step: PropertyKey): string | number {
  return typeof step === 'number' ? step : String(step);
}
