import { isJsonObject } from '@sluice/shared/json-object.ts';
import { objectFromJson, textOf } from './wire.ts';
import type { WireObject } from './wire.ts';

/** How much of an error is searched for words that tell its kind, in UTF-16 units. */
const textCharsMax = 4096;

/** What an error body says, whoever wrote it. */
export interface VendorError {
  /** All that is said, in whichever of the two layers. */
  readonly text: string;
  readonly code: string;
  readonly param: string | null;
}

/**
 * Reads `{code, message}`, `{error: {message, type, param, code}}`, `{error: "…"}`, and either of them as JSON text
 * within the other's `message`, as OCI passes a vendor's error on (oci-wire.md §6.1).
 */
export function vendorErrorOf(body: WireObject | null, fallbackText: string): VendorError {
  const outer = isJsonObject(body?.['error']) ? body['error'] : body;
  const message = textOf(outer?.['message']) || textOf(body?.['error']) || fallbackText;
  const nested = message.trimStart().startsWith('{') ? objectFromJson(message) : null;
  const inner = isJsonObject(nested?.['error']) ? nested['error'] : (nested ?? outer);
  const code = inner?.['code'] ?? outer?.['code'] ?? body?.['code'];
  return {
    text: `${message} ${textOf(inner?.['code'])} ${textOf(inner?.['message'])}`.slice(0, textCharsMax),
    code: typeof code === 'number' ? String(code) : textOf(code),
    param: textOf(inner?.['param']) || null,
  };
}
