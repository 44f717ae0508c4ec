/**
 * The greatest of what was noted lately, which counts a tenth less with every tenth of the window: a burst is remembered,
 * and keeps less and less from others.
 */
export interface RecentPeak {
  note(value: number, now: number): void;
  /** Whole, rounded up. 0: nothing above 0 was noted within `peakWindowMs`. */
  peak(now: number): number;
}

/** Long enough to count a call every few seconds as traffic; short enough that room it no longer needs is soon used. */
const peakWindowMs = 30_000;
const steps = 10;
export const peakStepMs = peakWindowMs / steps;

export function createRecentPeak(): RecentPeak {
  /** By step of the clock; no more than the window has. */
  const peaks = new Map<number, number>();
  const stepAt = (now: number) => Math.floor(now / peakStepMs);
  return {
    note(value, now) {
      forgetBefore(now);
      peaks.set(stepAt(now), Math.max(peaks.get(stepAt(now)) ?? 0, value));
    },
    peak(now) {
      forgetBefore(now);
      const last = stepAt(now);
      const faded = [...peaks].map(([step, value]) => (value * (steps - (last - step))) / steps);
      return Math.ceil(Math.max(0, ...faded));
    },
  };

  function forgetBefore(now: number): void {
    for (const step of peaks.keys()) if ((step + 1) * peakStepMs <= now - peakWindowMs) peaks.delete(step);
  }
}
