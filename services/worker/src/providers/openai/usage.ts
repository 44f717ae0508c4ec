import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { countOf } from '../http/wire.ts';

/**
 * The provider's counts. Some (xAI, Gemini) leave reasoning out of `completion_tokens` but have it in
 * `total_tokens`, so output is the larger of `completion_tokens` and `total_tokens − prompt_tokens`, and never less
 * than the reasoning it contains.
 *
 * @returns null when nothing was counted, which is not the same as zero
 */
export function readUsage(raw: unknown): Usage | null {
  if (!isJsonObject(raw)) return null;
  const prompt = countOf(raw['prompt_tokens']);
  const completion = countOf(raw['completion_tokens']);
  const total = countOf(raw['total_tokens']);
  if (prompt === null && completion === null && total === null) return null;

  const reasoning = detail(raw['completion_tokens_details'], 'reasoning_tokens');
  const inputTokens = prompt ?? Math.max((total ?? 0) - (completion ?? 0), 0);
  // DeepSeek's own field is older than OpenAI's.
  const cached = Math.max(
    detail(raw['prompt_tokens_details'], 'cached_tokens'),
    countOf(raw['prompt_cache_hit_tokens']) ?? 0,
  );
  return {
    inputTokens,
    outputTokens: Math.max(completion ?? 0, (total ?? 0) - inputTokens, reasoning),
    cachedInputTokens: Math.min(cached, inputTokens),
    reasoningTokens: reasoning,
  };
}

function detail(details: unknown, name: string): number {
  return isJsonObject(details) ? (countOf(details[name]) ?? 0) : 0;
}
