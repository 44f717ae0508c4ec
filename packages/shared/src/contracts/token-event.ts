import { z } from 'zod';
import { isRequestId, RequestId } from '../ids.ts';
import { isJsonObject } from '../json-object.ts';
import { jsonCodec } from './codec.ts';
import type { Codec } from './codec.ts';

/** What a whole call used, as far as is known. All integers ≥ 0. */
export const Usage = z.object({
  inputTokens: z.int().nonnegative(),
  /** Everything that is billed as output, reasoning included. */
  outputTokens: z.int().nonnegative(),
  cachedInputTokens: z.int().nonnegative(),
  /** The part of `outputTokens` that was reasoning. */
  reasoningTokens: z.int().nonnegative(),
  /** A rerank's unit: one query with up to 100 documents. */
  searchUnits: z.int().nonnegative().optional(),
});
export type Usage = z.infer<typeof Usage>;

export const FinishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'error']);
export type FinishReason = z.infer<typeof FinishReason>;

/** Natural logarithm of the probability that the model gave to a token. */
const LogProb = z.object({ token: z.string(), logprob: z.number() });

/** One token of the answer with its probability, and the likeliest tokens for its place, as many as were asked for. */
export const TokenLogProb = LogProb.extend({ top: z.array(LogProb) });
export type TokenLogProb = z.infer<typeof TokenLogProb>;

/** A provider's answer, in our words; every provider speaks these and nothing else. */
export const ContentEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text-delta'), choice: z.int().nonnegative(), text: z.string() }),
  z.object({ type: z.literal('reasoning-delta'), choice: z.int().nonnegative(), text: z.string() }),
  /** Why the model does not answer, in its own words; apart from the text, which it stands in place of. */
  z.object({ type: z.literal('refusal-delta'), choice: z.int().nonnegative(), text: z.string() }),
  /**
   * A piece of a tool call. `toolCall` counts from 0 within the choice; the first piece of each has `id` and
   * `name`; `arguments` pieces concatenate to JSON text.
   */
  z.object({
    type: z.literal('tool-call-delta'),
    choice: z.int().nonnegative(),
    toolCall: z.int().nonnegative(),
    id: z.string().optional(),
    name: z.string().optional(),
    arguments: z.string(),
  }),
  /** Of the tokens of the text, in order and all of them, though not always with the text that they make up. */
  z.object({ type: z.literal('logprobs'), choice: z.int().nonnegative(), tokens: z.array(TokenLogProb) }),
  /** A page that the text rests on, and where: positions in the text, in the provider's own counting. */
  z.object({
    type: z.literal('url-citation'),
    choice: z.int().nonnegative(),
    url: z.string(),
    title: z.string(),
    startIndex: z.int().nonnegative(),
    endIndex: z.int().nonnegative(),
  }),
  /**
   * What a provider says of its answer and OpenAI has no word for, under the provider's own names: citations,
   * grounding. Lists of the same name concatenate; of anything else the last one counts.
   */
  z.object({
    type: z.literal('provider-fields'),
    choice: z.int().nonnegative(),
    fields: z.record(z.string(), z.unknown()),
  }),
  z.object({ type: z.literal('choice-end'), choice: z.int().nonnegative(), finishReason: FinishReason }),
  /** One vector; numbers, or base64 of little-endian float32 when the client asked for it. */
  z.object({
    type: z.literal('embedding'),
    index: z.int().nonnegative(),
    embedding: z.union([z.array(z.number()), z.string()]),
  }),
  /** A document's place in a reranking; the best comes first. `index` is its place in the request. */
  z.object({ type: z.literal('rank'), index: z.int().nonnegative(), score: z.number() }),
  /** What was found in one of the texts to moderate. `index` is its place in the request. */
  z.object({
    type: z.literal('moderation'),
    index: z.int().nonnegative(),
    /** Each that was looked for; `score` from 0 to 1. */
    categories: z.array(z.object({ name: z.string(), score: z.number() })),
    /** Where personal data stand in the text, in the provider's characters. */
    entities: z.array(
      z.object({ label: z.string(), offset: z.int().nonnegative(), length: z.int().nonnegative(), score: z.number() }),
    ),
  }),
]);
export type ContentEvent = z.infer<typeof ContentEvent>;

/** One of the failures before an answer. `code` is of the error catalogue. */
const FallbackError = z.object({ code: z.string(), message: z.string(), param: z.string().nullable() });
export type FallbackError = z.infer<typeof FallbackError>;

/** The first event of an answer: the call was accepted and content may follow. */
export const AnswerStart = z.object({
  type: z.literal('answer-start'),
  /** Upstream model with provider prefix, for example `oci/xai.grok-4`. */
  model: z.string(),
  /** Alias that answers: the client's, or a fallback. */
  alias: z.string(),
  deploymentId: z.string(),
  apiBase: z.string(),
  region: z.string().nullable(),
  retries: z.int().nonnegative(),
  fallbacks: z.int().nonnegative(),
  /** How many there could have been, of retries and of fallbacks; absent: the worker is of an older version. */
  maxRetries: z.int().nonnegative().optional(),
  maxFallbacks: z.int().nonnegative().optional(),
  /** What failed before, if the request asks for it. */
  fallbackErrors: z.array(FallbackError).readonly().optional(),
  /** Upstream response headers worth showing, lower case, for `llm_provider-…`. */
  providerHeaders: z.record(z.string(), z.string()),
  queueMs: z.number().nonnegative(),
});
export type AnswerStart = z.infer<typeof AnswerStart>;

/**
 * What all calls for the request cost, those before the one that the answer is of included, as the books have them.
 * Absent: no more than the answer itself says; or the worker is of an older version.
 */
const billedNanoUsd = z.int().nonnegative().optional();

/** The last event of an answer that is complete. Its usage is already stored. */
export const AnswerEnd = z.object({
  type: z.literal('answer-end'),
  usage: Usage,
  costNanoUsd: z.int().nonnegative(),
  billedNanoUsd,
});
export type AnswerEnd = z.infer<typeof AnswerEnd>;

/** The last event of an answer that failed. What it used is already stored. */
export const AnswerError = z.object({
  type: z.literal('answer-error'),
  /** A code of the error catalogue. */
  code: z.string(),
  message: z.string(),
  param: z.string().nullable(),
  retryAfterSeconds: z.number().nonnegative().nullable(),
  billedNanoUsd,
  /** As in `answer-start`, of the provider's refusal. Absent: it did not answer, or the worker is of an older version. */
  providerHeaders: z.record(z.string(), z.string()).optional(),
});
export type AnswerError = z.infer<typeof AnswerError>;

/** One table of all types: a union would try each content event on the ends of every answer first. */
export const TokenEvent = z.discriminatedUnion('type', [...ContentEvent.options, AnswerStart, AnswerEnd, AnswerError]);
export type TokenEvent = z.infer<typeof TokenEvent>;

/**
 * Some events of one answer, in order. Worker → the ingress that serves the client.
 * At most once. `attempt` fences: an ingress that has seen a higher one drops the frame. `seq` counts from 0
 * within an attempt, so that a lost frame is noticed and the client is told instead of getting text with a hole.
 */
export const TokenFrame = z.object({
  version: z.literal(1),
  requestId: RequestId,
  attempt: z.int().positive(),
  seq: z.int().nonnegative(),
  events: z.array(TokenEvent).min(1),
});
export type TokenFrame = z.infer<typeof TokenFrame>;

const anyFrameCodec = jsonCodec(TokenFrame);

/** Every request has some: what plainly is a frame is not taken through the whole schema, which copies each field. */
export const tokenFrameCodec: Codec<TokenFrame> = {
  encode: (frame) => anyFrameCodec.encode(frame),
  decode(bytes) {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
    return isPlainFrame(value) ? value : TokenFrame.parse(value);
  },
};

function isPlainFrame(value: unknown): value is TokenFrame {
  if (!isJsonObject(value) || value['version'] !== 1) return false;
  const { requestId, attempt, seq, events } = value;
  return (
    isRequestId(requestId) &&
    isCount(attempt) &&
    attempt > 0 &&
    isCount(seq) &&
    Array.isArray(events) &&
    events.length > 0 &&
    events.every(isPlainEvent)
  );
}

type Check = (value: unknown) => boolean;
/** Of every field of a message, so that none that is new is forgotten. */
type Checks<T> = Readonly<Record<keyof T, Check>>;

const perhapsCount: Check = (value) => value === undefined || isCount(value);
const isAbsent: Check = (value) => value === undefined;
const isText: Check = (value) => typeof value === 'string';

const usageChecks: Checks<Usage> = {
  inputTokens: isCount,
  outputTokens: isCount,
  cachedInputTokens: isCount,
  reasoningTokens: isCount,
  searchUnits: perhapsCount,
};

const textChecks: Checks<Extract<ContentEvent, { type: 'text-delta' }>> = {
  type: isText,
  choice: isCount,
  text: isText,
};

const choiceEndChecks: Checks<Extract<ContentEvent, { type: 'choice-end' }>> = {
  type: isText,
  choice: isCount,
  finishReason: (value) => FinishReason.options.some((reason) => reason === value),
};

const startChecks: Checks<AnswerStart> = {
  type: isText,
  model: isText,
  alias: isText,
  deploymentId: isText,
  apiBase: isText,
  region: (value) => value === null || isText(value),
  retries: isCount,
  fallbacks: isCount,
  maxRetries: perhapsCount,
  maxFallbacks: perhapsCount,
  fallbackErrors: isAbsent,
  providerHeaders: (value) => isJsonObject(value) && Object.values(value).every(isText),
  queueMs: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
};

const endChecks: Checks<AnswerEnd> = {
  type: isText,
  usage: (value) => isPlain(value, usageChecks),
  costNanoUsd: isCount,
  billedNanoUsd: perhapsCount,
};

/** What an answer of text consists of. The other events are rarer, or large themselves. */
const plainEvents = new Map<unknown, Checks<Record<string, unknown>>>([
  ['text-delta', textChecks],
  ['choice-end', choiceEndChecks],
  ['answer-start', startChecks],
  ['answer-end', endChecks],
]);

function isPlainEvent(event: unknown): boolean {
  const checks = isJsonObject(event) ? plainEvents.get(event['type']) : undefined;
  return checks !== undefined && isPlain(event, checks);
}

/** Whether the schema would take it as it is: each of its fields is in order, and there is no other. */
function isPlain(value: unknown, checks: Checks<Record<string, unknown>>): boolean {
  if (!isJsonObject(value)) return false;
  for (const name in checks) if (checks[name]?.(value[name]) !== true) return false;
  for (const name in value) if (!Object.hasOwn(checks, name)) return false;
  return true;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
