import type { UsageEvent } from '../contracts/usage-event.ts';
import { callCostNanoUsd } from './call-cost.ts';

/**
 * What a usage event costs, in the books and in the answer's header: its tokens at the price it carries, or its
 * ceiling when nothing is known of what the call generated. Nothing for a failed call, nor where no call was made.
 *
 * @returns nano-USD, a safe integer ≥ 0
 * @throws RangeError when the cost is not exact as a number (above 9,007,199 USD for one call)
 */
export function usageCostNanoUsd(event: UsageEvent): number {
  if (event.outcome === 'failed') return 0;
  if (event.costCeilingNanoUsd !== null) return exact(event.costCeilingNanoUsd);
  if (event.price === null) return 0;
  return exact(callCostNanoUsd(event.usage, event.price));
}

function exact(nanoUsd: number): number {
  if (!Number.isSafeInteger(nanoUsd) || nanoUsd < 0) throw new RangeError(`not an exact cost: ${nanoUsd} nano-USD`);
  return nanoUsd;
}
