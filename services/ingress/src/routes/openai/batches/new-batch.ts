import { isText } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { addDuration, parseDuration } from '@sluice/shared/time/duration.ts';
import type { Request } from 'express';
import { z } from 'zod';
import { batchEndpoints } from '../../../batches/batch.ts';
import { parseBody } from '../../../http/parse-body.ts';
import { readJson } from '../../../http/read-json.ts';
import { expirySeconds } from '../files/upload-form.ts';

const metadataMax = { pairs: 16, name: 64, value: 512 } as const;
const windowMs = { min: 60_000, max: 30 * 86_400_000 } as const;

const shortText = (max: number) =>
  z.string().max(max).refine(isText, 'U+0000 and half surrogate pairs are not allowed');

export const NewBatchBody = z.object({
  input_file_id: z.string().min(1).max(100),
  endpoint: z.enum(batchEndpoints),
  completion_window: z.string().max(40).describe('24h, or another duration from 1m to 30d.'),
  metadata: z
    .record(shortText(metadataMax.name), shortText(metadataMax.value))
    .refine((pairs) => Object.keys(pairs).length <= metadataMax.pairs, `at most ${metadataMax.pairs} pairs are allowed`)
    .nullish(),
  output_expires_after: z
    .object({ anchor: z.literal('created_at'), seconds: z.int().min(expirySeconds.min).max(expirySeconds.max) })
    .nullish(),
  sluice: z.object({ dry_run: z.boolean().default(false).describe('Check and estimate, and run nothing.') }).nullish(),
});

/** Sent by LiteLLM's clients; it says nothing here. */
const ignored = new Set(['custom_llm_provider']);

/** Reads the request for a new batch. @throws GatewayError invalid_request, unsupported_parameter */
export function newBatchIn(req: Pick<Request, 'body'>): z.infer<typeof NewBatchBody> {
  const { value } = readJson(req);
  const body = parseBody(NewBatchBody, value);
  requireKnown(value, NewBatchBody.shape);
  requireKnown(member(value, 'sluice'), { dry_run: true }, 'sluice.');
  requireKnown(member(value, 'output_expires_after'), { anchor: true, seconds: true }, 'output_expires_after.');
  return body;
}

/** When the completion window of a batch made `now` ends. @throws GatewayError invalid_request */
export function endOfWindow(window: string, now: number): number {
  const end = endOf(window, now);
  if (end - now >= windowMs.min && end - now <= windowMs.max) return end;
  throw wrongWindow(`expected 24h, or another duration from 1m to 30d`);
}

function endOf(window: string, now: number): number {
  try {
    const duration = parseDuration(window);
    return duration === null ? now : addDuration(now, duration);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw wrongWindow(error.message.replace(/\.$/, ''));
  }
}

function wrongWindow(why: string): GatewayError {
  return new GatewayError('invalid_request', `Invalid value for 'completion_window': ${why}.`, {
    param: 'completion_window',
  });
}

function requireKnown(value: unknown, known: object, path = ''): void {
  if (typeof value !== 'object' || value === null) return;
  const name = Object.keys(value).find((one) => !Object.hasOwn(known, one) && !ignored.has(path + one));
  if (name === undefined) return;
  const param = `${path}${name.slice(0, 100)}`;
  throw new GatewayError('unsupported_parameter', `Unknown parameter: '${param}'.`, { param });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}
