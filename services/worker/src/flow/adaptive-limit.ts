import { createLatencyWatch } from './latency-watch.ts';
import type { LatencyKind } from './latency-watch.ts';

/** How a call that held a place ended, as far as the limit is concerned. */
export type CallOutcome =
  /** `latency` null: it says nothing about the provider's load. */
  | { readonly type: 'answered'; readonly latency: { readonly kind: LatencyKind; readonly ms: number } | null }
  /** The provider would not take it now: 429, or 503 with `Retry-After`. */
  | { readonly type: 'throttled'; readonly retryAfterMs: number | null }
  /** Failed or stopped: no word about how many calls the provider takes. */
  | { readonly type: 'other' };

/** The mark of a call that holds a place. */
export interface Entered {
  readonly sequence: number;
  /** The limit has seen that it is taken. A mark, since a set of calls is looked at by every garbage collection. */
  isCounted: boolean;
}

/**
 * How many calls one worker makes at a time to one deployment: additive increase, multiplicative decrease, as TCP
 * flows share a link that nobody tells them the width of. It has no clock of its own, and does no I/O.
 *
 * starting: every call that is taken makes room for two, so the limit doubles in a round trip. → the first refusal ends it for
 *   good
 * recovering: some calls were refused. New ones begin only as others end, so that at most as many run as the provider
 *   has just shown to take. → one that began after the refusals is taken: steady
 * steady: back to where calls were refused, one in a round trip; held there; then one more, two, four, … until the
 *   next refusal.
 *
 * A call is taken when it is answered, or has not been refused for a second. A round trip is as many taken calls as the
 * limit. Only a limit that is used up grows.
 */
export interface AdaptiveLimit {
  /** Whole calls at a time; at least 1. */
  readonly limit: number;
  readonly inFlight: number;
  /** Calls were refused since the start: it is the provider's limit, not ours. */
  readonly wasRefused: boolean;
  /** No call may begin before this, epoch ms; 0: any time. */
  readonly closedUntil: number;
  mayEnter(now: number): boolean;
  /** The caller has asked `mayEnter`. */
  enter(): Entered;
  /** These calls have run for `takenAfterMs`: the provider has taken them, whatever their answers will be. */
  taken(calls: readonly Entered[]): void;
  leave(call: Entered, outcome: CallOutcome, now: number): void;
}

/**
 * A provider that refuses does so at its door, in milliseconds. So growth need not wait for answers, which may take
 * minutes: whoever is not refused within a second has been taken.
 */
export const takenAfterMs = 1_000;

/** As Netflix's concurrency-limits do in each of their algorithms: from here 256 is four round trips away, or three seconds. */
export const startLimit = 20;

/**
 * At each cut, a sixteenth of what was accepted is given up for a while, as soon as that makes whole places. All that
 * it is for is to let other workers in, who find a provider that is always full otherwise. How fast they come to share
 * alike does not depend on it (a bigger share takes longer to win back); a bigger one costs throughput. This one costs
 * 1 to 2 % (simulated; an eighth costs 4 % of 100 places).
 */
const shareGivenUp = 1 / 16;
/** At most so much goes at once, as with TCP and DCTCP (RFC 8257: 1 − α/2, α ≤ 1): a moment's refusals pass. */
const cutMost = 1 / 2;
/** Of six round trips one probes: the price of finding new room within seconds is 1 refusal in 5 × limit calls. */
const holdRounds = 4;
/** The first is longer than the way to any region and back; a worker without any place asks every 4 s at the least. */
const backoff = { firstMs: 250, mostMs: 4_000 };
/** A provider that asks for more is asked again after this (contract §8.5 takes its word up to here). */
const retryAfterMsMost = 60_000;
/** On top of what the provider asks for, so that workers do not come back all at once (contract §8.5). */
const retryAfterJitterMs = 750;

export interface AdaptiveLimitOptions {
  /** Calls at a time, whatever the provider takes. */
  readonly most: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Places that calls wait for, and that are kept for others: as good as used up. Absent: none. */
  readonly kept?: () => number;
  /** Whether more calls than ever may be tried now, at the risk of a refusal. Absent: always. */
  readonly mayProbe?: () => boolean;
  /** Whether they are to be one more in a round trip at the most, so that few are refused at once. Absent: never. */
  readonly probesGently?: () => boolean;
}

export function createAdaptiveLimit(options: AdaptiveLimitOptions): AdaptiveLimit {
  const { most, random, kept = () => 0, mayProbe = () => true, probesGently = () => false } = options;
  const latencies = createLatencyWatch();
  let limit = Math.min(startLimit, most);
  let inFlight = 0;
  let sequence = 0;
  let closedUntil = 0;
  let refusedInRow = 0;

  let isStarting = true;
  /** Grown by this in a round trip, above `anchor`. */
  let step = 1;
  /** Where the last refusals left it: up to here it grows by one. */
  let anchor = 0;
  let roundsToHold = 0;
  let roundsOfStep = 0;

  /** What it has yet to give up, in places; only whole ones are of use to others. */
  let debt = 0;
  let givenUp = 0;

  /** The last cut: the limit before it, and the last call that had begun. */
  let cut = { from: limit, sequence: 0, wasRefusal: false };
  /** While recovering, how many calls the provider was seen to take. */
  let accepted: number | null = null;

  return {
    get limit() {
      return admitted();
    },
    get inFlight() {
      return inFlight;
    },
    get wasRefused() {
      return cut.wasRefusal;
    },
    get closedUntil() {
      return closedUntil;
    },
    mayEnter(now) {
      return now >= closedUntil && inFlight < admitted();
    },
    enter() {
      inFlight += 1;
      sequence += 1;
      return { sequence, isCounted: false };
    },
    taken: (calls) => count(calls, 2),
    leave(call, outcome, now) {
      if (outcome.type === 'answered') count([call], 1);
      inFlight -= 1;
      switch (outcome.type) {
        case 'answered':
          if (outcome.latency && call.sequence > cut.sequence && latencies.note(outcome.latency, limit, now))
            cutForLatency();
          break;
        case 'throttled':
          cutForRefusal(call);
          close(outcome.retryAfterMs, now);
          break;
        case 'other':
          break;
      }
    },
  };

  function admitted(): number {
    return Math.max(1, Math.floor(Math.min(limit, accepted ?? limit)));
  }

  /**
   * @param atStart what each adds to a limit that is starting. Two for a call that goes on, since it leaves no place: as
   *   in TCP's slow start, where each acknowledgement sends two packets
   */
  function count(calls: readonly Entered[], atStart: number): void {
    const isUsedUp = inFlight + kept() >= admitted() && mayProbe();
    for (const call of calls) {
      if (call.isCounted) continue;
      call.isCounted = true;
      refusedInRow = 0;
      if (call.sequence > cut.sequence) accepted = null;
      if (isUsedUp && (accepted === null || limit < anchor)) grow(atStart);
    }
  }

  function grow(atStart: number): void {
    const round = 1 / limit;
    const isGentle = probesGently();
    if (isStarting && isGentle) limit = Math.min(limit + round, most);
    else if (isStarting) limit = Math.min(limit + atStart, most);
    else if (limit < anchor) limit = Math.min(limit + round, anchor);
    else if (roundsToHold > 0) roundsToHold -= round;
    else {
      limit = Math.min(limit + (isGentle ? 1 : Math.min(step, limit)) * round, most); // at most double
      if (isGentle) return;
      roundsOfStep += round;
      if (roundsOfStep >= 1) {
        step *= 2;
        roundsOfStep = 0;
      }
    }
  }

  /** The calls still running are what the provider has taken: the share that it refused is gone from them. */
  function cutForRefusal(call: Entered): void {
    if (call.sequence > cut.sequence && accepted === null) {
      cut = { from: limit, sequence, wasRefusal: true };
      debt += Math.min(limit, inFlight) * shareGivenUp;
      givenUp = Math.floor(debt);
      debt -= givenUp;
    }
    // More of the same event only make its share larger; those that began after it, and before any answer, do not count.
    if (call.sequence <= cut.sequence) {
      anchor = Math.max(Math.min(limit, inFlight), cut.from * cutMost);
      limit = Math.max(anchor - givenUp, 1);
    }
    accepted = Math.max(1, Math.min(accepted ?? inFlight, inFlight));
    holdHere();
  }

  /** Slower than before and no refusal: a tenth less, as Netflix's AIMD gives way; never below where every limit starts. */
  function cutForLatency(): void {
    const least = Math.min(startLimit, limit);
    limit = Math.max(limit * 0.9, least);
    cut = { from: limit, sequence, wasRefusal: false };
    anchor = limit;
    holdHere();
  }

  function holdHere(): void {
    isStarting = false;
    roundsToHold = holdRounds;
    roundsOfStep = 0;
    step = 1;
  }

  /** As long as the provider asks; else only when no call of ours is left whose end would tell of room. */
  function close(retryAfterMs: number | null, now: number): void {
    let ms = 0;
    if (retryAfterMs !== null) ms = Math.min(retryAfterMs, retryAfterMsMost) + random() * retryAfterJitterMs;
    else if (inFlight === 0)
      ms = Math.min(backoff.firstMs * 2 ** Math.min(refusedInRow, 10), backoff.mostMs) * (0.5 + random() / 2);
    refusedInRow += 1;
    closedUntil = Math.max(closedUntil, now + ms);
  }
}
