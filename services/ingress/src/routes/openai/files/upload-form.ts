import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import type { FileDescription } from '../../../files/files.ts';
import { parseBody } from '../../../http/parse-body.ts';

/** What files of clients are for here. OpenAI's others are for what this gateway does not do. */
export const purposes = ['batch', 'user_data'] as const;

/** OpenAI's bounds, an hour and 30 days. */
const expiry = { min: 3_600, max: 2_592_000 } as const;

/** Fields that LiteLLM's clients send, and that say nothing here: each line of a batch names its own model. */
const ignored: ReadonlySet<string> = new Set(['target_model_names', 'custom_llm_provider']);

/** The fields of a form beside its file. */
export const UploadFields = z.object({
  purpose: z.enum(purposes, {
    error: ({ input }) =>
      typeof input === 'string' ? `files can be for ${purposes.join(' or ')} here, not for ${input}` : 'no text',
  }),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': queryInteger(expiry).optional(),
});

/** Looks at one field alone. @throws GatewayError unsupported_parameter for one that is not known, invalid_request */
export function checkUploadField(name: string, value: string): void {
  if (ignored.has(name)) return;
  if (!Object.hasOwn(UploadFields.shape, name)) {
    throw new GatewayError('unsupported_parameter', `The form has an unknown field: '${name}'.`, { param: name });
  }
  const [, schema] = Object.entries(UploadFields.shape).find(([known]) => known === name) ?? [];
  if (schema !== undefined) parseBody(z.object({ [name]: schema }), { [name]: value });
}

/** What the form says of its file. @throws GatewayError invalid_request */
export function describeUpload(filename: string, fields: Readonly<Record<string, string>>): FileDescription {
  const asked = parseBody(UploadFields, fields);
  const { purpose, 'expires_after[anchor]': anchor, 'expires_after[seconds]': seconds } = asked;
  for (const [name, value] of [
    ['expires_after[anchor]', anchor],
    ['expires_after[seconds]', seconds],
  ] as const) {
    const isHalf = value === undefined && (anchor !== undefined || seconds !== undefined);
    if (isHalf) throw new GatewayError('invalid_request', `Missing required parameter: '${name}'.`, { param: name });
  }
  return { filename, purpose, expiresAfterSeconds: seconds ?? (purpose === 'batch' ? expiry.max : null) };
}

/** In UTF-16 units. */
const filenameMax = 255;

/** @throws GatewayError invalid_request for a name that could not be shown, or is none */
export function checkFilename(filename: string): void {
  // oxlint-disable-next-line no-control-regex -- those are what is looked for
  const isShowable = /^[^\u0000-\u001f\u007f]+$/.test(filename) && filename.isWellFormed();
  if (isShowable && filename.length <= filenameMax) return;
  const message = `Invalid value for 'file': its filename has to have 1 to ${filenameMax} characters, none for control.`;
  throw new GatewayError('invalid_request', message, { param: 'file' });
}
