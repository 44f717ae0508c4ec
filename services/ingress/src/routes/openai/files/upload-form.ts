import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { z } from 'zod';
import type { FileDescription } from '../../../files/files.ts';
import { parseBody } from '../../../http/parse-body.ts';

/** What files of clients are for here. OpenAI's others are for what this gateway does not do. */
export const purposes = ['batch', 'user_data'] as const;

/** How long a file may be kept that expires: OpenAI's bounds, an hour and 30 days. */
export const expirySeconds = { min: 3_600, max: 2_592_000 } as const;

/** Fields that LiteLLM's clients send, and that say nothing here: each line of a batch names its own model. */
const ignored: ReadonlySet<string> = new Set(['target_model_names', 'custom_llm_provider']);

/** The fields of a form beside its file. */
export const UploadFields = z.object({
  purpose: z.enum(purposes, {
    error: ({ input }) =>
      typeof input === 'string' ? `files can be for ${purposes.join(' or ')} here, not for ${input}` : 'no text',
  }),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': queryInteger(expirySeconds).optional(),
});

/** Looks at one field alone. @throws GatewayError unsupported_parameter for one that is not known, invalid_request */
export function checkUploadField(name: string, value: string): void {
  if (ignored.has(name)) return;
  const field = Object.entries(UploadFields.shape).find(([known]) => known === name);
  if (field === undefined) {
    throw new GatewayError('unsupported_parameter', `The form has an unknown field: '${name}'.`, { param: name });
  }
  parseBody(z.object({ [name]: field[1] }), { [name]: value });
}

/** What the form says of its file. @throws GatewayError invalid_request */
export function describeUpload(filename: string, fields: Readonly<Record<string, string>>): FileDescription {
  const asked = parseBody(UploadFields, fields);
  const { purpose, 'expires_after[anchor]': anchor, 'expires_after[seconds]': seconds } = asked;
  if ((anchor === undefined) !== (seconds === undefined)) {
    const param = anchor === undefined ? 'expires_after[anchor]' : 'expires_after[seconds]';
    throw new GatewayError('invalid_request', `Missing required parameter: '${param}'.`, { param });
  }
  return { filename, purpose, expiresAfterSeconds: seconds ?? (purpose === 'batch' ? expirySeconds.max : null) };
}

/** In UTF-16 units. */
const filenameMax = 255;

/** @throws GatewayError invalid_request for a name that could not be shown, or is none */
export function checkFilename(filename: string): void {
  const isShowable = /^\P{Cc}+$/u.test(filename) && filename.isWellFormed();
  if (isShowable && filename.length <= filenameMax) return;
  const message = `Invalid value for 'file': its filename has to have 1 to ${filenameMax} characters, none for control.`;
  throw new GatewayError('invalid_request', message, { param: 'file' });
}
