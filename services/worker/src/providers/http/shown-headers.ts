import type { UpstreamExchange } from './upstream-exchange.ts';

/** The headers of an answer whose names match; clients see them as `llm_provider-…`. */
export function shownHeaders(exchange: UpstreamExchange, names: RegExp): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const name of Object.keys(exchange.headers)) {
    const value = names.test(name) ? exchange.header(name) : null;
    if (value !== null) shown[name] = value;
  }
  return shown;
}
