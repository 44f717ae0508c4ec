import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { countOf } from '../http/wire.ts';

/**
 * The provider's counts. Anthropic's `input_tokens` leaves out what was read from its cache and what was written to
 * it; ours has everything. Writing costs a quarter more than other input, which our prices have no word for: it
 * counts as other input, and nothing that we send has the provider write.
 *
 * @returns null when nothing was counted, which is not the same as zero
 */
export function readUsage(raw: unknown): Usage | null {
  if (!isJsonObject(raw)) return null;
  const fresh = countOf(raw['input_tokens']);
  const output = countOf(raw['output_tokens']);
  if (fresh === null && output === null) return null;

  const read = countOf(raw['cache_read_input_tokens']) ?? 0;
  const written = countOf(raw['cache_creation_input_tokens']) ?? 0;
  const details = raw['output_tokens_details'];
  const outputTokens = output ?? 0;
  return {
    inputTokens: (fresh ?? 0) + read + written,
    outputTokens,
    cachedInputTokens: read,
    reasoningTokens: Math.min(isJsonObject(details) ? (countOf(details['thinking_tokens']) ?? 0) : 0, outputTokens),
  };
}
