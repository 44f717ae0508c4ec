import { z } from 'zod';
import { count, text, time } from '../sql/columns.ts';

export const batchStatuses = [
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'expired',
  'cancelling',
  'cancelled',
] as const;
export type BatchStatus = (typeof batchStatuses)[number];

/** Statuses in which a runner still has work to do. The partial indexes of the table have the same list. */
export const unfinished = [
  'validating',
  'in_progress',
  'finalizing',
  'cancelling',
] as const satisfies readonly BatchStatus[];

/** What a batch's lines may be sent to. A line's `url` has to be the same text. */
export const batchEndpoints = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/rerank',
  '/v1/moderations',
] as const;
export type BatchEndpoint = (typeof batchEndpoints)[number];

/** Something wrong with a file, or with one line of it. */
export const BatchError = z.object({
  code: z.string(),
  /** From 1; null: of the file as a whole. */
  line: z.int().nullable(),
  message: z.string(),
  /** The field at fault, within the line: `body.messages.0.role`. */
  param: z.string().nullable(),
});
export type BatchError = Readonly<z.infer<typeof BatchError>>;

/** What running the lines would use, by what is known without running them. Money in nano-USD. */
export const BatchEstimate = z.object({
  inputTokens: z.int().nonnegative(),
  /** What would be reserved if all lines ran at once. */
  outputTokensMax: z.int().nonnegative(),
  costNanoUsdMax: z.int().nonnegative(),
  /** From what the owner's batches with this model and endpoint wrote; without any, the maximum. */
  outputTokens: z.int().nonnegative(),
  costNanoUsd: z.int().nonnegative(),
  /** From how fast lines of this model have run lately; null: none have. */
  durationSeconds: z.number().nonnegative().nullable(),
});
export type BatchEstimate = Readonly<z.infer<typeof BatchEstimate>>;

/** A batch as stored; times in epoch milliseconds, money in nano-USD. See 0008-batches.sql for what is not said here. */
export const Batch = z.object({
  batchId: z.string(),
  owner: z.string(),
  keyFirstHash: z.string(),
  endpoint: z.enum(batchEndpoints),
  inputFileId: z.string(),
  completionWindow: z.string(),
  metadata: z.record(z.string(), z.string()),
  outputExpiresAfterSeconds: z.int().nullable(),
  dryRun: z.boolean(),
  model: text,
  status: z.enum(batchStatuses),
  totalLines: z.int(),
  completedLines: z.int(),
  failedLines: z.int(),
  inputTokens: count,
  cachedInputTokens: count,
  outputTokens: count,
  reasoningTokens: count,
  costNanoUsd: count,
  errors: z.array(BatchError).readonly(),
  estimate: BatchEstimate.nullable(),
  pausedReason: text,
  outputFileId: text,
  errorFileId: text,
  createdAt: time,
  expiresAt: time,
  inProgressAt: time.nullable(),
  finalizingAt: time.nullable(),
  completedAt: time.nullable(),
  failedAt: time.nullable(),
  expiredAt: time.nullable(),
  cancellingAt: time.nullable(),
  cancelledAt: time.nullable(),
  runner: text,
  leaseUntil: time.nullable(),
  leaseEpoch: count,
  linesRemovedAt: time.nullable(),
});
export type Batch = Readonly<z.infer<typeof Batch>>;

/** What a batch is created with. */
export type NewBatch = Pick<
  Batch,
  | 'batchId'
  | 'owner'
  | 'keyFirstHash'
  | 'endpoint'
  | 'inputFileId'
  | 'completionWindow'
  | 'metadata'
  | 'outputExpiresAfterSeconds'
  | 'dryRun'
  | 'createdAt'
  | 'expiresAt'
>;

/** A batch under a lease: writes are made in the name of the epoch, and those of an earlier one change nothing. */
export type HeldBatch = Pick<Batch, 'batchId' | 'leaseEpoch'>;

/** Where a line lies in its file, and what it is called. */
export interface NewBatchLine {
  /** From 1, as in the file. */
  readonly line: number;
  readonly customId: string;
  readonly byteOffset: number;
  /** Without the line break. */
  readonly byteLength: number;
}
