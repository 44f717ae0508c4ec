import { z } from 'zod';
import { batchEndpoints, batchStatuses } from '../../../batches/batch.ts';
import { pageOf } from './page-of.ts';

const time = z.int().describe('Seconds since 1970.');
const maybeTime = time.nullable();
const counts = z.object({ total: z.int(), completed: z.int(), failed: z.int() });

const errors = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        code: z.string(),
        line: z.int().nullable().describe('From 1; null: of the file as a whole.'),
        message: z.string(),
        param: z.string().nullable(),
      }),
    ),
  })
  .nullable();

export const BatchObject = z.object({
  id: z.string().describe('`batch_` and 32 hexadecimal digits.'),
  object: z.literal('batch'),
  endpoint: z.enum(batchEndpoints),
  model: z.string().nullable().describe('The one that all lines name; null: several, or not known yet.'),
  errors: errors.describe('The first hundred bad lines of the file.'),
  input_file_id: z.string(),
  completion_window: z.string(),
  status: z.enum(batchStatuses),
  output_file_id: z.string().nullable(),
  error_file_id: z.string().nullable(),
  created_at: time,
  in_progress_at: maybeTime,
  expires_at: time,
  finalizing_at: maybeTime,
  completed_at: maybeTime,
  failed_at: maybeTime,
  expired_at: maybeTime,
  cancelling_at: maybeTime,
  cancelled_at: maybeTime,
  request_counts: counts,
  usage: z.object({
    input_tokens: z.int(),
    input_tokens_details: z.object({ cached_tokens: z.int() }),
    output_tokens: z.int(),
    output_tokens_details: z.object({ reasoning_tokens: z.int() }),
    total_tokens: z.int(),
  }),
  metadata: z.record(z.string(), z.string()).nullable(),
  sluice: z.object({
    paused_reason: z.string().nullable().describe('The code of the error that keeps lines from being begun.'),
    lines_per_second: z.number().nullable(),
    estimated_completion_at: maybeTime,
    cost_usd: z.number(),
  }),
});

export const BatchDryRun = z.object({
  object: z.literal('batch.dry_run'),
  valid: z.boolean(),
  endpoint: z.enum(batchEndpoints),
  model: z.string().nullable(),
  errors,
  input_file_id: z.string(),
  completion_window: z.string(),
  request_counts: counts,
  estimate: z
    .object({
      input_tokens: z.int(),
      output_tokens: z.int().describe('As earlier batches with this model have written; without any, the most.'),
      output_tokens_max: z.int(),
      cost_usd: z.number(),
      cost_usd_max: z.number(),
      duration_seconds: z.number().nullable().describe('null: no batch with this model has run lately.'),
    })
    .nullable(),
});

export const BatchOrDryRun = z.union([BatchObject, BatchDryRun]);

export const BatchList = pageOf(BatchObject);
