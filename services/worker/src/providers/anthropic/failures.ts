import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { Failures } from '../http/failures.ts';
import { textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderError } from '../provider.ts';

/** The status that each type of error comes with when it comes before the answer. */
const statusByType: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

/**
 * An event or an answer `{"type": "error", "error": {…}}` that came with status 200.
 *
 * @returns null for anything else
 */
export function failureInAnswer(answer: WireObject, failures: Failures): ProviderError | null {
  if (answer['type'] !== 'error') return null;
  const type = isJsonObject(answer['error']) ? textOf(answer['error']['type']) : '';
  return failures.fromAnswer({ status: statusByType.get(type) ?? 502, body: JSON.stringify(answer) });
}
