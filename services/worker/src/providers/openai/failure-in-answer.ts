import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { Failures } from '../http/failures.ts';
import { vendorErrorOf } from '../http/vendor-error.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderError } from '../provider.ts';

/** What OpenAI says of a failure by `type` or `code` when there is no status any more. */
const statusByWord: ReadonlyMap<string, number> = new Map([
  ['rate_limit_exceeded', 429],
  ['rate_limit_error', 429],
  ['insufficient_quota', 429],
  ['server_error', 500],
  ['invalid_request_error', 400],
  ['context_length_exceeded', 400],
  ['content_filter', 400],
]);

/**
 * A failure that came with status 200: `{"error": …}` within a stream, or instead of an answer.
 *
 * @returns null for an answer, or a part of one
 */
export function failureInAnswer(answer: WireObject, failures: Failures): ProviderError | null {
  const { error } = answer;
  if (error === undefined || error === null) return null;
  const { code } = vendorErrorOf(answer, '');
  const type = isJsonObject(error) ? error['type'] : null;
  const status = Number(code) || statusByWord.get(code) || statusByWord.get(String(type)) || 502;
  return failures.fromAnswer({ status, body: JSON.stringify(answer) });
}
