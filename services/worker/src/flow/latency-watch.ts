/** Latencies that may be compared: ms to the first token of streams, ms per output token of whole answers. */
export type LatencyKind = 'first-token' | 'per-output-token';

/** Says when a deployment has become slower than it can be. */
export interface LatencyWatch {
  /**
   * @param limit calls at a time: that many samples are a round trip
   * @returns true when a round trip's best is above twice the long-run best
   */
  note(sample: { readonly kind: LatencyKind; readonly ms: number }, limit: number, now: number): boolean;
}

/**
 * A prompt or an answer may be a hundred times longer than the one before, so averages say little. But the fastest of
 * many calls is slow only where all have to wait; HyStart++ (RFC 9406) compares the least of 8 samples or more too.
 */
const samplesLeast = 8;
/** Netflix's Gradient2 takes 1.5 times an average for noise; a least value over few samples is noisier. */
const tolerance = 2;
/**
 * And so much more, in ms: a rise of less than half a second, before the first token or over the fifty tokens that are
 * the fewest to count, may be this worker's own, when it is busy. (HyStart++ has such a least rise too.)
 */
const leastRise: Readonly<Record<LatencyKind, number>> = { 'first-token': 500, 'per-output-token': 10 };
/**
 * How long a best is remembered, at the least: a model that has become slower for good must not be held against its
 * past for ever. BBR forgets after 10 s, Envoy measures anew each minute; but neither waits for whole answers.
 */
const memoryMs = 5 * 60_000;

interface Round {
  /** Still to come. As many as the limit was when it began: a growing limit must not outrun it. */
  samplesLeft: number;
  best: number;
}

interface Best {
  since: number;
  current: number;
  earlier: number;
}

export function createLatencyWatch(): LatencyWatch {
  const rounds = new Map<LatencyKind, Round>();
  const bests = new Map<LatencyKind, Best>();
  return {
    note({ kind, ms }, limit, now) {
      const round = rounds.get(kind) ?? { samplesLeft: Math.max(samplesLeast, limit), best: Number.POSITIVE_INFINITY };
      rounds.set(kind, round);
      round.samplesLeft -= 1;
      round.best = Math.min(round.best, ms);
      if (round.samplesLeft > 0) return false;
      rounds.delete(kind);
      const best = bestOf(kind, now);
      const usual = Math.min(best.current, best.earlier);
      const isSlow = round.best > tolerance * usual && round.best > usual + leastRise[kind];
      best.current = Math.min(best.current, round.best);
      return isSlow;
    },
  };

  /** The best of the present five minutes and of the five before. */
  function bestOf(kind: LatencyKind, now: number): Best {
    const best = bests.get(kind) ?? {
      since: now,
      current: Number.POSITIVE_INFINITY,
      earlier: Number.POSITIVE_INFINITY,
    };
    bests.set(kind, best);
    if (now - best.since >= memoryMs) {
      best.earlier = best.current;
      best.current = Number.POSITIVE_INFINITY;
      best.since = now;
    }
    return best;
  }
}
