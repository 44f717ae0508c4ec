import { createAdaptiveLimit, takenAfterMs } from './adaptive-limit.ts';
import type { AdaptiveLimit, CallOutcome, Entered } from './adaptive-limit.ts';

/** Who may call one deployment now, in this worker: as many as its limit, the others in line. */
export interface Gate {
  readonly limit: AdaptiveLimit;
  readonly waiting: number;
  /** Nobody has to wait. */
  readonly hasRoom: boolean;
  /** Another gate has changed: who waits here may go there. */
  reconsider(): void;
  /** Waits for a place. */
  enter(turn: Turn, signal: AbortSignal): Promise<GateAnswer>;
}

export interface Turn {
  /** Epoch ms; who has waited longest is first, so that a call which was refused is not last again. */
  readonly since: number;
  /** Epoch ms after which a place is of no use. */
  readonly giveUpAt: number;
  /** A deployment that is closed for longer is not waited for. */
  readonly patienceMs: number;
  /** Whether there is a place for it at another gate. */
  readonly hasRoomElsewhere?: () => boolean;
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
  const limit = createAdaptiveLimit({ most, random });
  let line: Waiter[] = [];
  let opensAt = 0;
  /** Calls that the limit has not counted as taken, by their begin; the oldest first. */
  const uncounted = new Map<Entered, number>();
  let counting: NodeJS.Timeout | null = null;
  closing.addEventListener('abort', () => clearTimeout(counting ?? undefined), { once: true });
  let callMs = callMsUnknown;

  return {
    limit,
    get waiting() {
      return line.length;
    },
    get hasRoom() {
      return line.length === 0 && limit.mayEnter(now());
    },
    reconsider,
    async enter(turn, signal) {
      if (signal.aborted) return { type: 'stopped' };
      const at = now();
      if (line.length === 0 && limit.mayEnter(at)) return entered();
      if (turn.hasRoomElsewhere?.()) return { type: 'room-elsewhere' };
      if (isTooLate(turn)) return tooLate();
      return wait(turn, signal, at);
    },
  };

  function reconsider(): void {
    for (const waiter of line) if (waiter.hasRoomElsewhere?.()) waiter.settle({ type: 'room-elsewhere' });
  }

  /** @param at when there was no place for it */
  function wait(turn: Turn, signal: AbortSignal, at: number): Promise<GateAnswer> {
    const { promise, resolve } = Promise.withResolvers<GateAnswer>();
    const stop = () => waiter.settle({ type: 'stopped' });
    const timer = setTimeout(() => waiter.settle(tooLate()), Math.max(0, turn.giveUpAt - now()));
    const waiter: Waiter = {
      ...turn,
      settle: (answer) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        line = line.filter((other) => other !== waiter);
        resolve(answer);
      },
    };
    signal.addEventListener('abort', stop, { once: true });
    const behind = line.findIndex(({ since }) => since > turn.since);
    line.splice(behind === -1 ? line.length : behind, 0, waiter);
    openLater(at);
    return promise;
  }

  function entered(): GateAnswer {
    const call = limit.enter();
    const startedAt = now();
    uncounted.set(call, startedAt);
    countLater();
    return {
      type: 'entered',
      leave(outcome) {
        const at = now();
        uncounted.delete(call);
        if (outcome.type === 'answered') callMs += (at - startedAt - callMs) * smoothing;
        limit.leave(call, outcome, at);
        admit();
        onChange();
      },
    };
  }

  /** Only while the limit is used up: else it does not grow. */
  function countLater(): void {
    const [oldest] = uncounted.values();
    if (counting || closing.aborted || oldest === undefined || limit.inFlight < limit.limit) return;
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
    reconsider();
    for (const waiter of line.filter((each) => isTooLate(each))) waiter.settle(tooLate());
    const at = now();
    for (let [next] = line; next && limit.mayEnter(at); [next] = line) next.settle(entered());
    openLater(at);
  }

  /**
   * One timer, while somebody waits for a closed deployment.
   *
   * @param at when it was found closed; a later look at the clock may find it open, and then nobody would be let in
   */
  function openLater(at: number): void {
    const { closedUntil } = limit;
    if (line.length === 0 || closedUntil <= at || opensAt === closedUntil) return;
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
  function tooLate(): GateAnswer {
    const turnMs = ((line.length + 1) * callMs) / limit.limit;
    return { type: 'too-late', retryAfterMs: Math.max(0, limit.closedUntil - now()) + turnMs };
  }
}
