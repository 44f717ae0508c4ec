import { parseExactly } from './exact-json.ts';
import type { Failures } from './failures.ts';
import type { UpstreamExchange } from './upstream-exchange.ts';

/**
 * A whole answer.
 *
 * @param now epoch milliseconds, against which a `Retry-After` date is held
 * @throws ProviderError for a refusal, and for an answer that is not JSON; or the exchange's failure
 */
export async function readJsonAnswer(
  exchange: UpstreamExchange,
  failures: Failures,
  now: () => number,
): Promise<unknown> {
  const body = (await exchange.readAll()).toString();
  if (!exchange.isAccepted) {
    const { status, providerRequestId } = exchange;
    throw failures.fromHttp({ status, body, retryAfter: exchange.header('retry-after'), providerRequestId }, now());
  }
  try {
    return parseExactly(body);
  } catch (error) {
    throw failures.brokenAnswer('The answer is not JSON.', exchange.providerRequestId, error);
  }
}
