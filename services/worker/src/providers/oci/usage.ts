import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { countOf } from '../http/wire.ts';

/**
 * The provider's counts, whichever way its vendor adds them up (oci-wire.md §3.4).
 *
 * Grok leaves reasoning out of `completionTokens` but has it in `totalTokens`; Gemini may send no
 * `completionTokens` at all. So output is the larger of `completionTokens` and `totalTokens − promptTokens`,
 * and never less than the reasoning it contains.
 *
 * @returns null when nothing was counted, which is not the same as zero
 */
export function readUsage(raw: unknown): Usage | null {
  if (!isJsonObject(raw)) return null;
  const prompt = countOf(raw['promptTokens']);
  const completion = countOf(raw['completionTokens']);
  const total = countOf(raw['totalTokens']);
  if (prompt === null && completion === null && total === null) return null;

  const reasoning = detail(raw['completionTokensDetails'], 'reasoningTokens');
  const inputTokens = prompt ?? Math.max((total ?? 0) - (completion ?? 0), 0);
  const outputTokens = Math.max(completion ?? 0, (total ?? 0) - inputTokens, reasoning);
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(detail(raw['promptTokensDetails'], 'cachedTokens'), inputTokens),
    reasoningTokens: reasoning,
  };
}

function detail(details: unknown, name: string): number {
  return isJsonObject(details) ? (countOf(details[name]) ?? 0) : 0;
}
