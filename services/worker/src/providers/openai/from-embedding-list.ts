import { isJsonObject } from '@sluice/shared/json-object.ts';
import { base64OfVector, isVector, vectorOfBase64 } from '../embeddings/vector.ts';
import type { Failures } from '../http/failures.ts';
import { countOf, listOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderEvent } from '../provider.ts';
import { failureInAnswer } from './failure-in-answer.ts';
import { readUsage } from './usage.ts';

/**
 * A list of embeddings as events, in the order of the inputs and in the encoding that the client asked for,
 * whichever of the two the server sent.
 *
 * @throws ProviderError when there is not one vector for each input
 */
export function fromEmbeddingList(
  list: WireObject,
  expected: { readonly count: number; readonly encoding: 'float' | 'base64' },
  failures: Failures,
): ProviderEvent[] {
  const failure = failureInAnswer(list, failures);
  if (failure) throw failure;

  const byIndex = new Map<number, number[] | string>();
  for (const [position, item] of listOf(list['data']).entries()) {
    const embedding = isJsonObject(item) ? encoded(item['embedding'], expected.encoding) : null;
    if (isJsonObject(item) && embedding !== null) byIndex.set(countOf(item['index']) ?? position, embedding);
  }
  const events: ProviderEvent[] = [];
  for (let index = 0; index < expected.count; index += 1) {
    const embedding = byIndex.get(index);
    if (embedding === undefined) {
      throw failures.brokenAnswer(`${byIndex.size} embeddings for ${expected.count} inputs.`, null);
    }
    events.push({ type: 'embedding', index, embedding });
  }
  const usage = readUsage(list['usage']);
  if (usage) events.push({ type: 'usage', usage: { ...usage, outputTokens: 0 } });
  return events;
}

function encoded(embedding: unknown, encoding: 'float' | 'base64'): number[] | string | null {
  const vector = typeof embedding === 'string' ? vectorOfBase64(embedding) : isVector(embedding) ? embedding : null;
  if (vector === null || encoding === 'float') return vector;
  return typeof embedding === 'string' ? embedding : base64OfVector(vector);
}
