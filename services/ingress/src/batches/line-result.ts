import { randomBytes } from 'node:crypto';
import type { WholeAnswer } from '../inference/answer-whole.ts';

/** Why a line has no answer. */
const neverRanBecause = {
  batch_cancelled: 'The batch was cancelled before this request was run.',
  batch_expired: 'The batch expired before this request was run.',
  batch_failed: 'The batch failed before this request was run.',
} as const;
export type NeverRanCode = keyof typeof neverRanBecause;

/** A line of an output or error file, as OpenAI writes it: without its line break. */
export function answeredLine(customId: string, { status, headers, body }: WholeAnswer): string {
  const response = { status_code: status, request_id: headers['x-litellm-call-id'] ?? null, body };
  return lineOf(customId, { response, error: null });
}

/** The line of an error file for a request that never ran. */
export function neverRanLine(customId: string, code: NeverRanCode): string {
  return lineOf(customId, { response: null, error: { code, message: neverRanBecause[code] } });
}

function lineOf(customId: string, rest: { readonly response: unknown; readonly error: unknown }): string {
  return JSON.stringify({ id: `batch_req_${randomBytes(16).toString('hex')}`, custom_id: customId, ...rest });
}
