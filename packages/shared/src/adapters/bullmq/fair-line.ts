import type { Lane, Turn } from '../../contracts/turn.ts';
import { outputTokenWeight } from '../../ports/fair-share.ts';
import type { Correction, Line, Outlook, PlaceRequest } from '../../ports/fair-share.ts';
import { outputAverageGain, owedShare, roomShare, unitsPerToken } from './fair-share-units.ts';
import { CompletionRate } from './completion-rate.ts';

/** A job's new tag. */
export interface Move {
  readonly requestId: string;
  readonly lane: Lane;
  readonly tag: number;
}

/** Who is next in a lane, of those that were placed. */
export interface Head {
  readonly tag: number;
  /** All that wait at this tag. */
  readonly requestIds: readonly string[];
}

/** null: nobody. */
export type Heads = Readonly<Record<Lane, Head | null>>;

interface Waiting {
  readonly requestId: string;
  readonly since: number;
  tag: number;
}

interface Flow {
  /** By priority. */
  readonly finishes: Map<number, number>;
  /** The flow's waiting jobs by tag; those that left are dropped when time has passed them. */
  waiting: Waiting[];
  /** Free room that was made for jobs with a priority, in front of a job. */
  room: { from: number; to: number } | null;
  /** Corrections that are still to be applied. */
  owed: number;
}

interface LaneState {
  readonly flows: Map<string, Flow>;
  /** The greatest finish. */
  top: number;
}

/**
 * The same decisions as `redis-fair-share-scripts.ts` takes, for one queue, in the memory of one process. It moves
 * nothing itself: each step answers with the moves.
 */
export class FairLine {
  readonly #range: number;
  readonly #lanes: Readonly<Record<Lane, LaneState>> = {
    interactive: { flows: new Map(), top: 0 },
    batch: { flows: new Map(), top: 0 },
  };
  readonly #charges = new Map<string, { cost: number; expiresAt: number }>();
  readonly #outputs = new Map<string, number>();
  readonly #rate = new CompletionRate();
  #output: number | null = null;

  constructor({ range }: { range: number }) {
    this.#range = range;
  }

  outlook({ turn, ...request }: PlaceRequest, heads: Heads): Outlook {
    const { tag } = this.#slotOf(turn, this.#costOf({ turn, ...request }), this.#present(turn.lane, heads));
    return this.#outlookAt(turn.lane, tag, request.now);
  }

  /** @param isWaiting false: a worker has the job already; its flow is charged, and nothing is moved for it */
  place(request: PlaceRequest, heads: Heads, isWaiting: boolean): { outlook: Outlook; moves: Move[] } {
    const { turn, requestId, now } = request;
    const { lane, priority } = turn;
    this.#forgetCharges(now);
    if (this.#charges.has(requestId)) return { outlook: this.#outlookAt(lane, 0, now), moves: [] };
    const cost = this.#costOf(request);
    const moves: Move[] = [];
    let present = this.#present(lane, heads);
    const isRunOut = this.#finishMax(lane, turn.flow, present) + cost >= this.#range;
    if (present > 0 && (isRunOut || (heads[lane] === null && present > this.#range / 2))) {
      moves.push(...this.#rebase(lane, present));
      present = 0;
    }
    const { tag, later } = this.#slotOf(turn, cost, present);
    const state = this.#lanes[lane];
    const flow = this.#flowOf(turn);
    if (later.length > 0) {
      if (tag + cost > (later[0]?.tag ?? 0)) {
        const by = cost * Math.ceil(later.length / roomShare);
        moves.push(...this.#move(later, by, lane, tag + cost));
        for (const [other, finish] of flow.finishes) {
          if (other > priority && finish > tag) flow.finishes.set(other, finish + by);
        }
      }
      flow.room = { from: tag + cost, to: later[0]?.tag ?? 0 };
    }
    flow.finishes.set(priority, tag + cost);
    for (const [other, finish] of flow.finishes) {
      const bounded = Math.min(finish, this.#range - 1);
      state.top = Math.max(state.top, bounded);
      // What lies in the past says nothing.
      if (bounded > present) flow.finishes.set(other, bounded);
      else flow.finishes.delete(other);
    }
    this.#charges.set(requestId, { cost, expiresAt: request.expiresAt });
    if (isWaiting) {
      const place = flow.waiting.findIndex((other) => other.tag > tag);
      flow.waiting.splice(place < 0 ? flow.waiting.length : place, 0, { requestId, tag, since: now });
    }
    // Also for a job that is taken: should it be given back, it is not sent to the end of its lane.
    moves.push({ requestId, lane, tag });
    return { outlook: this.#outlookAt(lane, tag, now), moves };
  }

  correct({ requestId, turn, inputTokens, outputTokens, outcome, now }: Correction, heads: Heads): Move[] {
    const { lane } = turn;
    const flow = this.#flowOf(turn);
    if (outcome === 'answered') {
      this.#output = average(this.#output, outputTokens);
      this.#outputs.set(turn.flow, average(this.#outputs.get(turn.flow) ?? null, outputTokens));
    }
    if (outcome === 'withdrawn') flow.waiting = flow.waiting.filter((job) => job.requestId !== requestId);
    const present = this.#present(lane, heads);
    if (outcome !== 'withdrawn') this.#rate.ended(now, heads.interactive !== null || heads.batch !== null);

    const charged = this.#charges.get(requestId)?.cost ?? 0;
    this.#charges.delete(requestId);
    const used = inputTokens + outputTokens > 0 ? costOf(inputTokens, outputTokens, turn.weight) : 0;
    flow.owed += used - charged;
    const isLittle = Math.abs(flow.owed) * owedShare < flow.waiting.length * Math.max(charged, 1);
    if (flow.owed === 0 || isLittle) return [];

    const by = flow.owed;
    flow.owed = 0;
    flow.room = null;
    const lastBefore = flow.waiting.at(-1)?.tag ?? Infinity;
    const moves = this.#move(flow.waiting, by, lane, present);
    const lastAfter = flow.waiting.at(-1)?.tag ?? 0;
    for (const [priority, finish] of flow.finishes) {
      const moved = Math.max(0, finish + by, finish > lastBefore ? lastAfter + 1 : 0);
      flow.finishes.set(priority, Math.min(moved, this.#range - 1));
      this.#lanes[lane].top = Math.max(this.#lanes[lane].top, Math.min(moved, this.#range - 1));
    }
    return moves;
  }

  line(heads: Heads, now: number): Line {
    for (const lane of ['interactive', 'batch'] as const) this.#present(lane, heads);
    const jobs = Object.values(this.#lanes).flatMap(({ flows }) => [...flows.values()].flatMap((flow) => flow.waiting));
    const oldest = jobs.reduce((least, { since }) => Math.min(least, since), now);
    return { waiting: jobs.length, oldestAgeMs: now - oldest, perSecond: this.#rate.perSecond(now) };
  }

  /** The present: the tag of who is next; when nobody waits, nobody owes anything. Drops what has passed. */
  #present(lane: Lane, heads: Heads): number {
    const { flows, top } = this.#lanes[lane];
    const head = heads[lane];
    const present = head?.tag ?? top;
    for (const [id, flow] of flows) {
      const waits = ({ tag, requestId }: Waiting) =>
        head !== null && (tag > present || (tag === present && head.requestIds.includes(requestId)));
      const left = flow.waiting.findIndex(waits);
      flow.waiting.splice(0, left < 0 ? flow.waiting.length : left);
      const isPast = flow.owed === 0 && [...flow.finishes.values()].every((finish) => finish < present);
      if (isPast && flow.waiting.length === 0) flows.delete(id);
    }
    return present;
  }

  /** Behind all of the flow that is not for later; before what is for later, if any of it still waits. */
  #slotOf({ lane, flow: id, priority }: Turn, cost: number, present: number): { tag: number; later: Waiting[] } {
    const flow = this.#lanes[lane].flows.get(id);
    const finishes = [...(flow?.finishes ?? [])];
    const soonest = Math.max(present, ...finishes.filter(([other]) => other <= priority).map(([, finish]) => finish));
    const hasLater = finishes.some(([other, finish]) => other > priority && finish > present);
    const later = hasLater && flow ? flow.waiting.filter(({ tag }) => tag >= soonest) : [];
    const [first] = later;
    let tag = this.#finishMax(lane, id, present);
    if (flow && first) {
      const room = flow.room?.to === first.tag ? Math.max(soonest, flow.room.from) : Infinity;
      tag = room + cost <= first.tag ? room : first.tag;
    }
    return { tag: Math.min(tag, this.#range - 1), later };
  }

  #finishMax(lane: Lane, flow: string, present: number): number {
    return Math.max(present, ...(this.#lanes[lane].flows.get(flow)?.finishes.values() ?? []));
  }

  /** They stay in order, and none goes before `floor`. */
  #move(jobs: readonly Waiting[], by: number, lane: Lane, floor: number): Move[] {
    let last = floor - 1;
    return jobs.map((job) => {
      last = Math.min(this.#range - 1, Math.max(job.tag + by, last + 1));
      job.tag = last;
      return { requestId: job.requestId, lane, tag: last };
    });
  }

  /** The lane's tags begin anew at the present. */
  #rebase(lane: Lane, by: number): Move[] {
    const state = this.#lanes[lane];
    state.top = Math.max(0, state.top - by);
    return [...state.flows.values()].flatMap((flow) => {
      flow.room = null;
      for (const [priority, finish] of flow.finishes) flow.finishes.set(priority, Math.max(0, finish - by));
      return this.#move(flow.waiting, -by, lane, 0);
    });
  }

  #costOf({ turn, inputTokens, outputTokensCap }: Omit<PlaceRequest, 'queue'>): number {
    const expected = this.#outputs.get(turn.flow) ?? this.#output ?? outputTokensCap;
    return costOf(inputTokens, Math.min(outputTokensCap, expected), turn.weight);
  }

  #outlookAt(lane: Lane, tag: number, now: number): Outlook {
    const before = (of: Lane, bound: number) =>
      [...this.#lanes[of].flows.values()].reduce(
        (sum, { waiting }) => sum + waiting.filter((job) => job.tag < bound).length,
        0,
      );
    const interactive = before('interactive', Infinity);
    const batch = before('batch', Infinity);
    const ahead = lane === 'batch' ? interactive + before('batch', tag) : before('interactive', tag);
    return { ahead, waiting: interactive + batch, perSecond: this.#rate.perSecond(now) };
  }

  #flowOf({ lane, flow }: Turn): Flow {
    const { flows } = this.#lanes[lane];
    const known = flows.get(flow) ?? { finishes: new Map(), waiting: [], room: null, owed: 0 };
    flows.set(flow, known);
    return known;
  }

  /** Those whose correction never came; the oldest are first, near enough. */
  #forgetCharges(now: number): void {
    for (const [requestId, { expiresAt }] of this.#charges) {
      if (expiresAt > now) return;
      this.#charges.delete(requestId);
    }
  }
}

function costOf(inputTokens: number, outputTokens: number, weight: number): number {
  const tokens = inputTokens + outputTokenWeight * outputTokens;
  return Math.max(1, Math.ceil((tokens * unitsPerToken) / weight));
}

function average(known: number | null, observed: number): number {
  return known === null ? observed : known + (observed - known) * outputAverageGain;
}
