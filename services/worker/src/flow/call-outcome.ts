import type { ProviderError } from '../providers/provider.ts';
import type { CallEnd } from '../pipeline/relay.ts';
import type { CallOutcome } from './adaptive-limit.ts';

/** OpenAI's word, in a 429, for an account without money: time does not help. */
const spentCode = 'insufficient_quota';

/** The provider would take the call later: 429; and 503, if it says when. */
export function isThrottle({ code, retryAfterSeconds, providerCode }: ProviderError): boolean {
  if (providerCode === spentCode) return false;
  return code === 'provider_throttled' || (code === 'provider_unavailable' && retryAfterSeconds !== null);
}

/** Of fewer tokens the time is mostly the prompt's. */
const outputTokensLeast = 50;

/**
 * What a call's end says about the provider's load.
 *
 * @param call.stream of a chat; what is not a chat has no latency that could be compared
 */
export function callOutcomeOf(
  end: CallEnd,
  call: { readonly isChat: boolean; readonly stream: boolean; readonly startedAt: number; readonly endedAt: number },
): CallOutcome {
  if (end.error && isThrottle(end.error)) {
    const { retryAfterSeconds } = end.error;
    return { type: 'throttled', retryAfterMs: retryAfterSeconds === null ? null : retryAfterSeconds * 1_000 };
  }
  if (end.type !== 'completed') return { type: 'other' };
  const { startedAt, endedAt } = call;
  const outputTokens = end.meter.provided?.outputTokens ?? 0;
  if (!call.isChat || end.firstTokenAt === null) return { type: 'answered', latency: null };
  if (call.stream) return { type: 'answered', latency: { kind: 'first-token', ms: end.firstTokenAt - startedAt } };
  if (outputTokens < outputTokensLeast) return { type: 'answered', latency: null };
  return { type: 'answered', latency: { kind: 'per-output-token', ms: (endedAt - startedAt) / outputTokens } };
}

/** What a call counts in tokens per minute; null: nobody knows. */
export function tokensOf({ type, mayBeBilled, meter: { provided } }: CallEnd): number | null {
  if (provided) return provided.inputTokens + provided.outputTokens;
  return type === 'failed' && !mayBeBilled ? 0 : null;
}
