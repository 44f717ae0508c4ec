import { GatewayError } from '@sluice/shared/errors.ts';
import type { ProviderError } from '../providers/provider.ts';
import type { Failure } from './try-alias.ts';

/**
 * What the client is told when all have failed (contract §5.3): the first one's error, with what else was tried in
 * the text.
 *
 * @param failures in the order in which they came about
 * @param asked the alias that the client asked for, and what may be tried after it; `debugInErrors` false: the text
 *   says nothing of either
 */
export function failedAnswer(
  failures: readonly Failure[],
  asked: { readonly alias: string; readonly fallbacks: readonly string[]; readonly debugInErrors: boolean },
): GatewayError | ProviderError {
  const [first, ...others] = failures;
  if (!first) return new GatewayError('internal', 'Internal error.');
  if (!asked.debugInErrors) return first.error;
  const list = asked.fallbacks.map((other) => `'${other}'`).join(', ');
  const message = [
    `${first.error.message} Received Model Group=${asked.alias}`,
    `Available Model Group Fallbacks=${list === '' ? 'None' : `[${list}]`}`,
    ...(first.retries > 0 ? [`LiteLLM Retried: ${first.retries} times, LiteLLM Max Retries: ${first.numRetries}`] : []),
    ...others.map(({ alias, error }) => `Error doing the fallback: ${alias}: ${error.message}`),
  ].join('\n');
  return withMessage(first.error, message);
}

function withMessage(error: GatewayError | ProviderError, message: string): GatewayError | ProviderError {
  if (error instanceof GatewayError) {
    const { code, retryAfterSeconds } = error;
    return new GatewayError(code, message, { retryAfterSeconds: retryAfterSeconds ?? undefined, cause: error });
  }
  return error.with({ message });
}
