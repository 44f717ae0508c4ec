import type { Lane } from '@sluice/shared/contracts/turn.ts';
import { createAdaptiveLimit, takenAfterMs } from './adaptive-limit.ts';
import type { AdaptiveLimit, CallOutcome, Entered } from './adaptive-limit.ts';
import { createRecentPeak, peakStepMs } from './recent-peak.ts';

/**
 * Who may call one deployment now, in this worker: as many as its limit, the others in line. Interactive calls go before
 * batch calls, which leave as many places free as interactive calls may soon need: as many more as they lately had at
 * once, and the square root of that. While no interactive call was seen for `peakWindowMs`, batch calls have all.
 */
export interface Gate {
  readonly limit: Pick<AdaptiveLimit, 'limit' | 'inFlight' | 'wasRefused' | 'closedUntil'>;
  inFlight(lane: Lane): number;
  waiting(lane: Lane): number;
  /** Nobody of this lane has to wait. */
  hasRoom(lane: Lane): boolean;
  /** Places that a lane may have for a while: those of the limit, without what is kept for others. */
  places(lane: Lane): number;
  /** Another gate has changed: who waits here may go there. */
  reconsider(): void;
  /** Waits for a place; answers at once where there is nothing to wait for. */
  enter(turn: Turn, signal: AbortSignal): GateAnswer | Promise<GateAnswer>;
}

export interface Turn {
  readonly lane: Lane;
  /** Epoch ms; who has waited longest is first in its lane, so that a call which was refused is not last again. */
  readonly since: number;
  /** Epoch ms after which a place is of no use. */
  readonly giveUpAt: number;
  /** A deployment that is closed for longer is not waited for. */
  readonly patienceMs: number;
  /** Whether there is a place for it at another gate. */
  readonly hasRoomElsewhere?: (() => boolean) | undefined;
}

export type GateAnswer =
  | { readonly type: 'entered'; readonly leave: (outcome: CallOutcome) => void }
  /** No place in time. */
  | { readonly type: 'too-late'; readonly retryAfterMs: number }
  /** There is a place at another gate. */
  | { readonly type: 'room-elsewhere' }
  /** `signal` aborted. */
  | { readonly type: 'stopped' };

interface Waiter extends Turn {
  readonly settle: (answer: GateAnswer) => void;
}

/** Of the mean time of a call; as TCP smooths its round-trip time (RFC 6298). */
const smoothing = 1 / 8;
/** Before anything is known of a deployment's calls. */
const callMsUnknown = 1_000;
/**
 * Where interactive calls are made too, batch calls find out whether the provider takes more only so long after it has
 * refused: a refusal may meet an interactive call, and without any a limit that was cut would stay so.
 */
const probeBesideMs = 60_000;

export interface GateDeps {
  /** Calls at a time, whatever the provider takes. */
  readonly most: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when the limit may have changed. */
  readonly onChange: () => void;
}

/** @param closing aborts when the worker ends: nothing is opened again after that */
export function createGate({ most, now, random, pause, onChange }: GateDeps, closing: AbortSignal): Gate {
  /** Of interactive calls, in flight and waiting. */
  const recent = createRecentPeak();
  const inFlight: Record<Lane, number> = { interactive: 0, batch: 0 };
  let refusedAt = Number.NEGATIVE_INFINITY;
  /** By when they came. */
  const lines: Record<Lane, Waiter[]> = { interactive: [], batch: [] };
  const limit = createAdaptiveLimit({
    most,
    random,
    kept: heldPlaces,
    mayProbe: () => !isBeside() || lines.interactive.length > 0 || now() - refusedAt >= probeBesideMs,
    probesGently: () => isBeside() && lines.interactive.length === 0,
  });
  let opensAt = 0;
  /** Calls that the limit has not counted as taken, by their begin; the oldest first. */
  const uncounted = new Map<Entered, number>();
  let counting: NodeJS.Timeout | null = null;
  let forgetting: NodeJS.Timeout | null = null;
  const stopTimers = () => {
    clearTimeout(counting ?? undefined);
    clearTimeout(forgetting ?? undefined);
  };
  closing.addEventListener('abort', stopTimers, { once: true });
  let callMs = callMsUnknown;

  return {
    limit,
    inFlight: (lane) => inFlight[lane],
    waiting: (lane) => lines[lane].length,
    hasRoom: (lane) => isNobodyBefore(lane) && mayEnter(lane, now()),
    places: (lane) => (lane === 'interactive' ? limit.limit : Math.max(0, limit.limit - kept(peak()))),
    reconsider,
    enter(turn, signal) {
      if (signal.aborted) return { type: 'stopped' };
      const at = now();
      if (isNobodyBefore(turn.lane) && mayEnter(turn.lane, at)) return entered(turn.lane);
      if (turn.hasRoomElsewhere?.()) return { type: 'room-elsewhere' };
      if (isTooLate(turn)) return tooLate(turn.lane);
      return wait(turn, signal, at);
    },
  };

  function all(): Waiter[] {
    return [...lines.interactive, ...lines.batch];
  }

  function isBatchHere(): boolean {
    return inFlight.batch + lines.batch.length > 0;
  }

  /** Batch calls beside interactive ones, which are to notice little of them. */
  function isBeside(): boolean {
    return isBatchHere() && peak() > 0;
  }

  function isNobodyBefore(lane: Lane): boolean {
    return lines.interactive.length === 0 && (lane === 'interactive' || lines.batch.length === 0);
  }

  function mayEnter(lane: Lane, at: number): boolean {
    return limit.mayEnter(at) && (lane === 'interactive' || limit.inFlight + keptPlaces() < limit.limit);
  }

  /** Interactive calls at once, of late; 0: none. */
  function peak(): number {
    return Math.max(recent.peak(now()), demand());
  }

  function demand(): number {
    return inFlight.interactive + lines.interactive.length;
  }

  /** Those that are free now. */
  function keptPlaces(): number {
    return Math.max(0, kept(peak()) - inFlight.interactive);
  }

  /** Those that somebody waits for all the same. */
  function heldPlaces(): number {
    return lines.batch.length > 0 ? keptPlaces() : 0;
  }

  function reconsider(): void {
    for (const waiter of all()) if (waiter.hasRoomElsewhere?.()) waiter.settle({ type: 'room-elsewhere' });
  }

  /** @param at when there was no place for it */
  function wait(turn: Turn, signal: AbortSignal, at: number): Promise<GateAnswer> {
    const { promise, resolve } = Promise.withResolvers<GateAnswer>();
    const stop = () => waiter.settle({ type: 'stopped' });
    const timer = setTimeout(() => waiter.settle(tooLate(turn.lane)), Math.max(0, turn.giveUpAt - now()));
    const waiter: Waiter = {
      ...turn,
      settle: (answer) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        lines[turn.lane] = lines[turn.lane].filter((other) => other !== waiter);
        resolve(answer);
      },
    };
    signal.addEventListener('abort', stop, { once: true });
    const line = lines[turn.lane];
    const behind = line.findIndex(({ since }) => since > turn.since);
    line.splice(behind === -1 ? line.length : behind, 0, waiter);
    recent.note(demand(), at);
    openLater(at);
    countLater();
    forgetLater();
    return promise;
  }

  function entered(lane: Lane): GateAnswer {
    const call = limit.enter();
    const startedAt = now();
    inFlight[lane] += 1;
    recent.note(demand(), startedAt);
    uncounted.set(call, startedAt);
    countLater();
    forgetLater();
    return {
      type: 'entered',
      leave(outcome) {
        const at = now();
        uncounted.delete(call);
        if (outcome.type === 'answered') callMs += (at - startedAt - callMs) * smoothing;
        if (outcome.type === 'throttled') refusedAt = at;
        recent.note(demand(), at); // before it is less
        limit.leave(call, outcome, at);
        inFlight[lane] -= 1;
        admit();
        onChange();
      },
    };
  }

  /** Only while the limit is used up: else it does not grow. */
  function countLater(): void {
    const [oldest] = uncounted.values();
    if (counting || closing.aborted || oldest === undefined || limit.inFlight + heldPlaces() < limit.limit) return;
    counting = setTimeout(countTaken, Math.max(0, oldest + takenAfterMs - now()));
    counting.unref();
  }

  function countTaken(): void {
    counting = null;
    const before = now() - takenAfterMs;
    const taken = [...uncounted].filter(([, startedAt]) => startedAt <= before).map(([call]) => call);
    for (const call of taken) uncounted.delete(call);
    limit.taken(taken);
    admit();
    countLater();
    onChange();
  }

  /** Whoever's turn it is; and who can have none any more hears it now. */
  function admit(): void {
    if (lines.interactive.length + lines.batch.length === 0) return;
    reconsider();
    for (const waiter of all()) if (isTooLate(waiter)) waiter.settle(tooLate(waiter.lane));
    const at = now();
    const next = () => lines.interactive[0] ?? lines.batch[0];
    for (let first = next(); first && mayEnter(first.lane, at); first = next()) {
      lines[first.lane].shift(); // from here on it is counted among those in flight
      first.settle(entered(first.lane));
    }
    openLater(at);
  }

  /** While batch calls leave places free, they look from time to time whether those are still kept. */
  function forgetLater(): void {
    if (forgetting || closing.aborted || !isBatchHere() || peak() === 0) return;
    forgetting = setTimeout(() => {
      forgetting = null;
      admit();
      onChange();
      forgetLater();
    }, peakStepMs);
    forgetting.unref();
  }

  /**
   * One timer, while somebody waits for a closed deployment.
   *
   * @param at when it was found closed; a later look at the clock may find it open, and then nobody would be let in
   */
  function openLater(at: number): void {
    const { closedUntil } = limit;
    if (lines.interactive.length + lines.batch.length === 0 || closedUntil <= at || opensAt === closedUntil) return;
    opensAt = closedUntil;
    void open(closedUntil);
  }

  async function open(at: number): Promise<void> {
    await pause(at - now(), closing);
    if (closing.aborted || opensAt !== at) return;
    opensAt = 0;
    admit();
    onChange();
  }

  function isTooLate({ giveUpAt, patienceMs }: Turn): boolean {
    const at = now();
    return Math.max(limit.closedUntil, at) >= giveUpAt || limit.closedUntil - at > patienceMs;
  }

  /** When the deployment opens, and those who wait for it have had their turn. */
  function tooLate(lane: Lane): GateAnswer {
    const before = lines.interactive.length + (lane === 'batch' ? lines.batch.length : 0);
    const turnMs = ((before + 1) * callMs) / limit.limit;
    return { type: 'too-late', retryAfterMs: Math.max(0, limit.closedUntil - now()) + turnMs };
  }
}

/** Places that interactive calls have or may soon need, of which so many were at once: what fluctuates grows like the root. */
function kept(peak: number): number {
  return peak + Math.ceil(Math.sqrt(peak));
}
