import type { ProviderError } from '../provider.ts';
import type { UpstreamExchange } from './upstream-exchange.ts';

type Answered = Pick<UpstreamExchange, 'headers' | 'header' | 'providerRequestId'>;

/** A provider that sends more, or longer ones, is not worth a larger answer. */
const headersMax = 32;
const valueCharsMax = 1024;

/**
 * The headers of an answer whose names match; clients see them as `llm_provider-…`. At most 32; left out are values
 * that are longer than 1024 characters, or that no header of ours could hold.
 */
export function shownHeaders(exchange: Answered, names: RegExp): Record<string, string> {
  const shown: [name: string, value: string][] = [];
  for (const name of Object.keys(exchange.headers)) {
    const value = names.test(name) ? exchange.header(name) : null;
    if (value !== null && value.length <= valueCharsMax && /^[\t\x20-\x7e]*$/.test(value)) shown.push([name, value]);
  }
  return Object.fromEntries(shown.slice(0, headersMax));
}

/** A failure with what the provider's answer, if there was one, tells clients in its headers. */
export function withShownHeaders(error: ProviderError, exchange: Answered, names: RegExp): ProviderError {
  const providerHeaders = shownHeaders(exchange, names);
  if (Object.keys(providerHeaders).length === 0) return error;
  return error.with({ providerHeaders, providerRequestId: error.providerRequestId ?? exchange.providerRequestId });
}
