import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../../provider.ts';
import { ociFailures } from '../errors.ts';
import { readUsage } from '../usage.ts';
import { listOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

type Rank = Extract<ProviderEvent, { type: 'rank' }>;

/**
 * A rerankText answer as events, the best document first (oci-wire.md §5.2). It has no counts as documented; where
 * a newer one has, they count.
 *
 * @param count how many documents were sent
 * @throws ProviderError when a rank is of no document, or there is none
 */
export function fromRerankResponse(result: WireObject, count: number): ProviderEvent[] {
  const ranks = listOf(result['documentRanks']).map((rank) => rankOf(rank, count));
  const distinct = new Set(ranks.map((rank) => rank?.index));
  if (ranks.length === 0 || distinct.size < ranks.length || !ranks.every((rank) => rank !== null)) {
    throw ociFailures.brokenAnswer(`${ranks.length} ranks that do not fit ${count} documents.`, null);
  }
  const usage = readUsage(result['usage']);
  return [
    ...ranks.toSorted((one, other) => other.score - one.score),
    ...(usage ? [{ type: 'usage', usage } as const] : []),
  ];
}

function rankOf(value: unknown, count: number): Rank | null {
  if (!isJsonObject(value)) return null;
  const { index, relevanceScore: score } = value;
  const isPlace = typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < count;
  return isPlace && typeof score === 'number' && Number.isFinite(score) ? { type: 'rank', index, score } : null;
}
