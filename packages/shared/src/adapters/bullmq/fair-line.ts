import type { Turn } from '../../contracts/turn.ts';
import { outputTokenWeight } from '../../ports/fair-share.ts';
import type { Correction, Line, Outlook, PlaceRequest } from '../../ports/fair-share.ts';
import { outputAverageGain, owedShare, roomShare, unitsPerToken } from './fair-share-units.ts';
import { CompletionRate } from './completion-rate.ts';

/** A job's new tag. */
export interface Move {
  readonly requestId: string;
  readonly tag: number;
}

/** Who is next, of those that were placed. */
export interface Head {
  readonly tag: number;
  /** All that wait at this tag. */
  readonly requestIds: readonly string[];
}

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
  /** Charges that may still be corrected. */
  open: number;
}

/**
 * The same decisions as `redis-fair-share-scripts.ts` takes, for one queue, in the memory of one process. It moves
 * nothing itself: each step answers with the moves.
 */
export class FairLine {
  readonly #range: number;
  readonly #flows = new Map<string, Flow>();
  /** The greatest finish. */
  #top = 0;
  readonly #charges = new Map<string, { flow: Flow; cost: number; expiresAt: number }>();
  readonly #outputs = new Map<string, number>();
  readonly #rate = new CompletionRate();
  #output: number | null = null;

  constructor({ range }: { range: number }) {
    this.#range = range;
  }

  outlook(request: PlaceRequest, head: Head | null): Outlook {
    const { tag } = this.#slotOf(request.turn, this.#costOf(request), this.#present(head));
    return this.#outlookAt(tag, request.now);
  }

  /** @param isWaiting false: a worker has the job already; its flow is charged, and nothing is moved for it */
  place(request: PlaceRequest, head: Head | null, isWaiting: boolean): { outlook: Outlook; moves: Move[] } {
    const { turn, requestId, now } = request;
    const { priority } = turn;
    this.#forgetCharges(now);
    if (this.#charges.has(requestId)) return { outlook: this.#outlookAt(0, now), moves: [] };
    const cost = this.#costOf(request);
    const moves: Move[] = [];
    let present = this.#present(head);
    const isRunOut = this.#finishMax(turn.flow, present) + cost >= this.#range;
    if (present > 0 && (isRunOut || (head === null && present > this.#range / 2))) {
      moves.push(...this.#rebase(present));
      present = 0;
    }
    const { tag, later } = this.#slotOf(turn, cost, present);
    const flow = this.#flowOf(turn.flow);
    if (later.length > 0) {
      if (tag + cost > (later[0]?.tag ?? 0)) {
        const by = cost * Math.ceil(later.length / roomShare);
        moves.push(...this.#move(later, by, tag + cost));
        flow.waiting.sort(byPlace);
        for (const [other, finish] of flow.finishes) {
          if (other > priority && finish > tag) flow.finishes.set(other, finish + by);
        }
      }
      flow.room = { from: tag + cost, to: later[0]?.tag ?? 0 };
    }
    flow.finishes.set(priority, tag + cost);
    for (const [other, finish] of flow.finishes) {
      const bounded = Math.min(finish, this.#range - 1);
      this.#top = Math.max(this.#top, bounded);
      // What lies in the past says nothing.
      if (bounded > present) flow.finishes.set(other, bounded);
      else flow.finishes.delete(other);
    }
    this.#charges.set(requestId, { flow, cost, expiresAt: request.expiresAt });
    flow.open += 1;
    if (isWaiting) {
      const job = { requestId, tag, since: now };
      const place = flow.waiting.findIndex((other) => byPlace(other, job) > 0);
      flow.waiting.splice(place < 0 ? flow.waiting.length : place, 0, job);
    }
    // Also for a job that is taken: should it be given back, it is not sent to the end.
    moves.push({ requestId, tag });
    return { outlook: this.#outlookAt(tag, now), moves };
  }

  /** @param corrections that come together; what a flow has waiting is moved once for all of them */
  correct(corrections: readonly Correction[], head: Head | null): Move[] {
    const present = this.#present(head);
    /** The greatest charge of each flow that is corrected. */
    const charged = new Map<Flow, number>();
    for (const { requestId, turn, inputTokens, outputTokens, outcome, now } of corrections) {
      if (outcome === 'answered') {
        this.#output = average(this.#output, outputTokens);
        this.#outputs.set(turn.flow, average(this.#outputs.get(turn.flow) ?? null, outputTokens));
      }
      const known = this.#flows.get(turn.flow);
      if (outcome !== 'withdrawn') this.#rate.ended(now, head !== null);
      else if (known) known.waiting = known.waiting.filter((job) => job.requestId !== requestId);
      const charge = this.#charges.get(requestId);
      if (!charge) continue;
      this.#forget(requestId);
      const used = inputTokens + outputTokens > 0 ? costOf(inputTokens, outputTokens, turn.weight) : 0;
      charge.flow.owed += used - charge.cost;
      charged.set(charge.flow, Math.max(charge.cost, charged.get(charge.flow) ?? 1));
    }
    return [...charged].flatMap(([flow, most]) => {
      const isLittle = Math.abs(flow.owed) * owedShare < flow.waiting.length * most;
      return flow.owed === 0 || isLittle ? [] : this.#settle(flow, present);
    });
  }

  line(head: Head | null, now: number): Line {
    this.#present(head);
    const jobs = [...this.#flows.values()].flatMap((flow) => flow.waiting);
    const oldest = jobs.reduce((least, { since }) => Math.min(least, since), now);
    return { waiting: jobs.length, oldestAgeMs: now - oldest, perSecond: this.#rate.perSecond(now) };
  }

  /** The present: the tag of who is next; when nobody waits, nobody owes anything. Drops what has passed. */
  #present(head: Head | null): number {
    const present = head?.tag ?? this.#top;
    for (const [id, flow] of this.#flows) {
      const waits = ({ tag, requestId }: Waiting) =>
        head !== null && (tag > present || (tag === present && head.requestIds.includes(requestId)));
      const left = flow.waiting.findIndex(waits);
      flow.waiting.splice(0, left < 0 ? flow.waiting.length : left);
      const isPast =
        flow.owed === 0 && flow.open === 0 && [...flow.finishes.values()].every((finish) => finish < present);
      if (isPast && flow.waiting.length === 0) this.#flows.delete(id);
    }
    return present;
  }

  /** Behind all of the flow that is not for later; before what is for later, if any of it still waits. */
  #slotOf({ flow: id, priority }: Turn, cost: number, present: number): { tag: number; later: Waiting[] } {
    const flow = this.#flows.get(id);
    const finishes = [...(flow?.finishes ?? [])];
    const soonest = Math.max(present, ...finishes.filter(([other]) => other <= priority).map(([, finish]) => finish));
    const hasLater = finishes.some(([other, finish]) => other > priority && finish > present);
    const later = hasLater && flow ? flow.waiting.filter(({ tag }) => tag >= soonest) : [];
    const [first] = later;
    let tag = this.#finishMax(id, present);
    if (flow && first) {
      const room = flow.room?.to === first.tag ? Math.max(soonest, flow.room.from) : Infinity;
      tag = room + cost <= first.tag ? room : first.tag;
    }
    return { tag: Math.min(tag, this.#range - 1), later };
  }

  #finishMax(flow: string, present: number): number {
    return Math.max(present, ...(this.#flows.get(flow)?.finishes.values() ?? []));
  }

  /** Moves what a flow has waiting by what it owes. */
  #settle(flow: Flow, present: number): Move[] {
    const by = flow.owed;
    flow.owed = 0;
    flow.room = null;
    const lastBefore = flow.waiting.at(-1)?.tag ?? Infinity;
    const moves = this.#move(flow.waiting, by, present);
    flow.waiting.sort(byPlace);
    const lastAfter = flow.waiting.at(-1)?.tag ?? 0;
    for (const [priority, finish] of flow.finishes) {
      const moved = Math.max(0, finish + by, finish > lastBefore ? lastAfter + 1 : 0);
      flow.finishes.set(priority, Math.min(moved, this.#range - 1));
      this.#top = Math.max(this.#top, Math.min(moved, this.#range - 1));
    }
    return moves;
  }

  /** They stay in order, and none goes before `floor`. */
  #move(jobs: readonly Waiting[], by: number, floor: number): Move[] {
    let last = floor - 1;
    return jobs.map((job) => {
      last = Math.min(this.#range - 1, Math.max(job.tag + by, last + 1));
      job.tag = last;
      return { requestId: job.requestId, tag: last };
    });
  }

  /** Tags begin anew at the present. */
  #rebase(by: number): Move[] {
    this.#top = Math.max(0, this.#top - by);
    return [...this.#flows.values()].flatMap((flow) => {
      flow.room = null;
      for (const [priority, finish] of flow.finishes) {
        if (finish > by) flow.finishes.set(priority, finish - by);
        else flow.finishes.delete(priority);
      }
      for (const job of flow.waiting) job.tag -= by;
      return flow.waiting.map(({ requestId, tag }) => ({ requestId, tag }));
    });
  }

  #costOf({ turn, inputTokens, outputTokensCap }: Omit<PlaceRequest, 'queue'>): number {
    const expected = this.#outputs.get(turn.flow) ?? this.#output ?? outputTokensCap;
    return costOf(inputTokens, Math.min(outputTokensCap, expected), turn.weight);
  }

  #outlookAt(tag: number, now: number): Outlook {
    const jobs = [...this.#flows.values()].flatMap((flow) => flow.waiting);
    const ahead = jobs.filter((job) => job.tag < tag).length;
    return { ahead, waiting: jobs.length, perSecond: this.#rate.perSecond(now) };
  }

  #flowOf(id: string): Flow {
    const known = this.#flows.get(id) ?? { finishes: new Map(), waiting: [], room: null, owed: 0, open: 0 };
    this.#flows.set(id, known);
    return known;
  }

  /** Those whose correction never came; the oldest are first, near enough. */
  #forgetCharges(now: number): void {
    for (const [requestId, { expiresAt }] of this.#charges) {
      if (expiresAt > now) return;
      this.#forget(requestId);
    }
  }

  #forget(requestId: string): void {
    const charge = this.#charges.get(requestId);
    if (charge) charge.flow.open -= 1;
    this.#charges.delete(requestId);
  }
}

/** Where the range ends jobs share a tag: they are then in the order in which Redis has them. */
function byPlace(one: Waiting, other: Waiting): number {
  return one.tag - other.tag || (one.requestId < other.requestId ? -1 : 1);
}

function costOf(inputTokens: number, outputTokens: number, weight: number): number {
  const tokens = inputTokens + outputTokenWeight * outputTokens;
  return Math.max(1, Math.ceil((tokens * unitsPerToken) / weight));
}

function average(known: number | null, observed: number): number {
  return known === null ? observed : known + (observed - known) * outputAverageGain;
}
