import assert from 'node:assert/strict';
import { ProviderError } from '../../../src/providers/provider.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';

/** A call up to its end, and how it ended. */
export interface Ended {
  readonly events: readonly ProviderEvent[];
  readonly error: unknown;
}

export async function outcomeOf(batches: AsyncIterable<readonly ProviderEvent[]>): Promise<Ended> {
  const events: ProviderEvent[] = [];
  try {
    for await (const batch of batches) events.push(...batch);
  } catch (error) {
    return { events, error };
  }
  return { events, error: null };
}

export async function collect(batches: AsyncIterable<readonly ProviderEvent[]>): Promise<readonly ProviderEvent[]> {
  const { events, error } = await outcomeOf(batches);
  if (error !== null) throw error;
  return events;
}

export async function failureOf(batches: AsyncIterable<readonly ProviderEvent[]>): Promise<ProviderError> {
  const { error } = await outcomeOf(batches);
  assert.ok(error instanceof ProviderError, `not a ProviderError: ${String(error)}`);
  return error;
}
