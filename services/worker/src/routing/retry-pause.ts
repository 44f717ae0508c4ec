import type { ProviderError } from '../providers/provider.ts';

const pauseMs = { first: 500, most: 8_000, jitter: 750 };
/** A provider that asks for longer is not waited for. */
const retryAfterSecondsMax = 60;

/**
 * How long to wait before the next try (contract §8.5): not at all when another deployment is there to try; what
 * the provider asks for, if that is sensible; else doubling from half a second.
 *
 * @param retry 0 for the first retry
 * @param random in [0, 1)
 */
export function retryPauseMs(
  error: Pick<ProviderError, 'retryAfterSeconds'>,
  retry: number,
  options: { otherDeployment: boolean; retryAfterMs: number; random: () => number },
): number {
  if (options.otherDeployment) return 0;
  const jitter = options.random() * pauseMs.jitter;
  const asked = error.retryAfterSeconds ?? 0;
  if (asked > 0 && asked <= retryAfterSecondsMax) return asked * 1_000 + jitter;
  return Math.min(Math.max(pauseMs.first * 2 ** retry, options.retryAfterMs), pauseMs.most) + jitter;
}
