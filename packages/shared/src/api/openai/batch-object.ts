import { z } from 'zod';

/** What a client reads of a file; the rest is dropped. */
export const UploadedFile = z.object({ id: z.string(), bytes: z.number() });

const seconds = z.number().nullish();
const counts = z.object({ total: z.number(), completed: z.number(), failed: z.number() });

const errors = z
  .object({
    data: z.array(
      z.object({
        code: z.string().nullish(),
        line: z.number().nullish(),
        message: z.string().nullish(),
        param: z.string().nullish(),
      }),
    ),
  })
  .nullish();

/** What a client reads of a batch, as OpenAI has it and with our `sluice`; the rest is dropped. Times in Unix seconds. */
export const BatchObject = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.number(),
  expires_at: seconds,
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  request_counts: counts,
  errors,
  sluice: z
    .object({
      paused_reason: z.string().nullish(),
      lines_per_second: z.number().nullish(),
      estimated_completion_at: seconds,
      cost_usd: z.number().nullish(),
    })
    .nullish(),
});
export type BatchObject = Readonly<z.infer<typeof BatchObject>>;

/** What a client reads of a dry run. */
export const BatchDryRun = z.object({
  object: z.literal('batch.dry_run'),
  valid: z.boolean(),
  request_counts: counts,
  errors,
  estimate: z
    .object({
      input_tokens: z.number(),
      output_tokens: z.number(),
      output_tokens_max: z.number(),
      cost_usd: z.number(),
      cost_usd_max: z.number(),
      duration_seconds: z.number().nullish(),
    })
    .nullish(),
});
export type BatchDryRun = Readonly<z.infer<typeof BatchDryRun>>;

export const BatchList = z.object({ data: z.array(BatchObject), has_more: z.boolean() });

/** What a client reads of an error in OpenAI's shape. */
export const ErrorAnswer = z.object({ error: z.object({ message: z.string() }) });
