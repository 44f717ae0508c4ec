/** The greatest of what was noted lately. */
export interface RecentPeak {
  note(value: number, now: number): void;
  /** 0: nothing above 0 was noted within `peakWindowMs`. */
  peak(now: number): number;
}

/** Long enough to count a call every few seconds as traffic; short enough that room it no longer needs is soon used. */
export const peakWindowMs = 30_000;
/** A tenth of the window is forgotten at a time. */
export const peakStepMs = peakWindowMs / 10;

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
      return Math.max(0, ...peaks.values());
    },
  };

  function forgetBefore(now: number): void {
    for (const step of peaks.keys()) if ((step + 1) * peakStepMs <= now - peakWindowMs) peaks.delete(step);
  }
}
