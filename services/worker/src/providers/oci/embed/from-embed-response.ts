import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { base64OfVector, isVector } from '../../embeddings/vector.ts';
import type { ProviderEvent } from '../../provider.ts';
import { ociFailures } from '../errors.ts';
import { readUsage } from '../usage.ts';
import { countOf, listOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

/** What one embedText call gave. */
export interface EmbedAnswer {
  readonly events: readonly ProviderEvent[];
  /** null: the provider did not count. */
  readonly usage: Usage | null;
}

/**
 * One embedText answer as events, one per input in order (oci-wire.md §5.1).
 *
 * @param firstIndex the index of the call's first input within the client's request
 * @throws ProviderError when there are not as many vectors as inputs
 */
export function fromEmbedResponse(
  result: WireObject,
  expected: { readonly firstIndex: number; readonly count: number; readonly encoding: 'float' | 'base64' },
): EmbedAnswer {
  const vectors = vectorsOf(result);
  if (vectors.length !== expected.count || !vectors.every(isVector)) {
    throw ociFailures.brokenAnswer(`${vectors.length} embeddings for ${expected.count} inputs.`, null);
  }
  const events = vectors.filter(isVector).map((vector, position) => ({
    type: 'embedding' as const,
    index: expected.firstIndex + position,
    embedding: expected.encoding === 'base64' ? base64OfVector(vector) : vector,
  }));
  return { events, usage: usageOf(result, expected.count) };
}

/** @returns null as soon as one part was not counted: a sum with a hole would be taken for the whole */
export function sumUsage(parts: readonly (Usage | null)[]): Usage | null {
  let sum: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  for (const part of parts) {
    if (part === null) return null;
    sum = {
      inputTokens: sum.inputTokens + part.inputTokens,
      outputTokens: sum.outputTokens + part.outputTokens,
      cachedInputTokens: sum.cachedInputTokens + part.cachedInputTokens,
      reasoningTokens: sum.reasoningTokens + part.reasoningTokens,
    };
  }
  return sum;
}

function vectorsOf(result: WireObject): readonly unknown[] {
  const embeddings = listOf(result['embeddings']);
  if (embeddings.length > 0) return embeddings;
  const byType = result['embeddingsByType'];
  return isJsonObject(byType) ? listOf(byType['float']) : embeddings;
}

/** Newer answers have usage, older ones a count per input; a sum with a hole would be taken for the whole. */
function usageOf(result: WireObject, count: number): Usage | null {
  const usage = readUsage(result['usage']);
  if (usage) return usage;
  const counts = listOf(result['inputTextTokenCounts']).map(countOf);
  if (counts.length !== count || !counts.every((tokens) => tokens !== null)) return null;
  const inputTokens = counts.reduce((sum, tokens) => sum + tokens, 0);
  return { inputTokens, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
}
