const [second, minute, hour] = [1_000, 60_000, 3_600_000] as const;

/**
 * How long after an attempt the next one follows; then a message is given up, after some three days. The schedule that
 * the Standard Webhooks specification proposes.
 */
const waitsMs = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
] as const;

/** So many messages that failed together do not come back together. */
const jitter = 0.1;

/**
 * @param attempts so far, 1 or more
 * @param random in [0, 1)
 * @returns null: no more
 */
export function retryAfterMs(attempts: number, random: () => number): number | null {
  const waitMs = waitsMs[attempts - 1];
  return waitMs === undefined ? null : Math.round(waitMs * (1 + jitter * random()));
}

/** From the first attempt to the last one, at the longest. */
export const retriesSpanMs = (1 + jitter) * waitsMs.reduce((sum, waitMs) => sum + waitMs, 0);
