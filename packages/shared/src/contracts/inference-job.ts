import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { Account } from './account.ts';
import { CallType, JobKind } from './call-type.ts';
import { Caller, RequestOrigin } from './caller.ts';
import { RegionGroup } from './region-group.ts';
import { Turn } from './turn.ts';

/** Aliases to try when one fails, in order, already checked against the key. */
const NextAliases = z.object({
  any: z.array(z.string()),
  /** In place of `any`, for a prompt that is too long. */
  contextWindow: z.array(z.string()).optional(),
  /** In place of `any`, for what a filter refused. */
  contentPolicy: z.array(z.string()).optional(),
});
export type NextAliases = z.infer<typeof NextAliases>;

/**
 * One admitted request, waiting for a worker. Ingress → queue → worker.
 * At least once: a job whose worker dies is delivered again with a higher attempt.
 * `requestId` is the job's id in the queue, so enqueueing twice is enqueueing once.
 */
export const InferenceJob = z.object({
  version: z.literal(1),
  kind: JobKind,
  /** How it was asked for; absent: in the usual way for its kind. */
  callType: CallType.optional(),
  requestId: RequestId,
  /** The model name that the client used and the key was checked for. */
  alias: z.string(),
  /** The queue it waits in; absent: the one named as the alias. Those that one wildcard matches share one. */
  queue: z.string().optional(),
  /** What decides when it is its turn; absent: before all that have one. */
  turn: Turn.optional(),
  /** Where the answer goes: the inbox of the ingress that serves the client. */
  replyTo: z.string(),
  /** The client's request as JSON text, already validated; or where it lies when it is too big for the queue. */
  body: z.union([z.object({ inline: z.string() }), z.object({ claim: z.string() })]),
  stream: z.boolean(),
  /** The most output tokens the answer may have: what admission reserved for. 0 for what writes no text. */
  outputTokensCap: z.int().nonnegative(),
  inputTokensEstimate: z.int().nonnegative(),
  /** No tokenizer can count more than this: what admission reserved for. */
  inputTokensMax: z.int().nonnegative(),
  /** What a rerank is billed by. */
  searchUnits: z.int().nonnegative().optional(),
  /** Nano-USD reserved for call 1. */
  reservedNanoUsd: z.int().nonnegative(),
  /** What the reservation stands on, to reserve again when a call that may have been billed is repeated. */
  accounts: z.array(
    Account.extend({
      budgetNanoUsd: z.int().nonnegative().nullable(),
      /** Input and output tokens; absent: no budget. */
      tokenBudget: z.int().nonnegative().nullable().optional(),
    }),
  ),
  caller: Caller,
  origin: RequestOrigin,
  /** All aliases that may answer when this one cannot, already checked against the key: money is reserved for any. */
  fallbacks: z.array(z.string()),
  /**
   * The request came with an `Idempotency-Key`: the scope of its record, where the worker keeps the answer. Such a
   * job runs to its end even if its client leaves.
   */
  keepAnswerAs: z.string().optional(),
  /** What to try after each of them. Absent: `fallbacks` after the alias, in order. */
  fallbackPlan: z.record(z.string(), NextAliases).optional(),
  /** Also not between deployments of different `order`. */
  fallbacksDisabled: z.literal(true).optional(),
  /** Tokens, as estimated, of the messages that a fallback has of its own: the body's `fallbacks` has them. */
  fallbackInputTokens: z.record(z.string(), z.int().nonnegative()).optional(),
  /** The answer is to say what failed before it. */
  includeFallbackErrors: z.literal(true).optional(),
  /** Retries per alias; absent: the deployment's or the router's. */
  numRetries: z.int().nonnegative().optional(),
  /** From a streamed call to its first event; absent: the deployment's or the router's. */
  streamTimeoutMs: z.int().positive().optional(),
  /** Only deployments in one of its regions may be called; absent: all. */
  region: RegionGroup.optional(),
  /** Drop parameters that the model does not support instead of refusing them. */
  dropParams: z.boolean(),
  /** What it costs in parts per million of its deployments' prices; absent: a million. */
  priceFactorPpm: z.int().positive().optional(),
  admittedAt: z.int(),
  /** Epoch milliseconds. Nothing is sent upstream for this job after it. */
  deadlineAt: z.int(),
});
export type InferenceJob = z.infer<typeof InferenceJob>;
