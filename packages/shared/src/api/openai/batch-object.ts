import { z } from 'zod';

/** What a client reads of a file; the rest is dropped. */
export const UploadedFile = z.object({ id: z.string(), bytes: z.number() });

const seconds = z.number().nullish();

/** What a client reads of a batch, as OpenAI has it and with our `sluice`; the rest is dropped. Times in Unix seconds. */
export const BatchObject = z.object({
  id: z.string(),
  status: z.string(),
  endpoint: z.string(),
  created_at: z.number(),
  expires_at: seconds,
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  request_counts: z
    .object({ total: z.number(), completed: z.number(), failed: z.number() })
    .default({ total: 0, completed: 0, failed: 0 }),
  errors: z
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
    .nullish(),
  sluice: z
    .object({
      /** An error's code, while it is why no line is begun. */
      paused_reason: z.string().nullish(),
      lines_per_second: z.number().nullish(),
      /** By the rate of late. */
      estimated_end_at: seconds,
      cost_usd: z.number().nullish(),
      /** Of a dry run. */
      estimate: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
});
export type BatchObject = Readonly<z.infer<typeof BatchObject>>;

export const BatchList = z.object({ data: z.array(BatchObject), has_more: z.boolean() });

/** What a client reads of an error in OpenAI's shape. */
export const ErrorAnswer = z.object({ error: z.object({ message: z.string() }) });
