import type { CallId } from '../../ids.ts';
import type { ExpiredCall, WitnessDay } from '../../ports/admission-witness.ts';

/** What of a call its end is counted by. */
export interface CountedCall {
  readonly id: CallId;
  /** UTC day of its admission, `YYYY-MM-DD`; null: nothing will be booked for it, and nobody counts it. */
  readonly day: string | null;
  readonly nanoUsd: number;
  readonly costKnown: boolean;
}

type End = 'booked' | 'voided' | 'expired';

interface Counts extends Record<End | 'admitted', number> {
  readonly epoch: string;
  readonly lastExpired: ExpiredCall[];
}

const daysMax = 35;
const lastExpiredMax = 1_000;
/** Calls that ended without a row; of one that is forgotten, a row that comes late leaves the counts as they are. */
const unbookedMax = 100_000;

/** How many calls were admitted on each UTC day, and how they ended, by the rules of the Redis scripts. */
export class CallCounts {
  /** Oldest first. */
  readonly #days = new Map<string, Counts>();
  readonly #unbooked = new Map<string, { readonly day: string; readonly how: End }>();

  admitted({ id, day }: CountedCall): void {
    if (day === null) return;
    const counts = this.#days.get(day) ?? { epoch: id, admitted: 0, booked: 0, voided: 0, expired: 0, lastExpired: [] };
    counts.admitted += 1;
    this.#days.set(day, counts);
    dropOldest(this.#days, daysMax);
  }

  /** Each admitted call ends once: booked, or voided or expired, from which a row that comes late turns it to booked. */
  ended({ id, day, nanoUsd, costKnown }: CountedCall, how: End): void {
    const counts = day === null ? undefined : this.#days.get(day);
    if (day === null || counts === undefined) return;
    counts[how] += 1;
    if (how === 'booked') return;
    this.#unbooked.set(id, { day, how });
    dropOldest(this.#unbooked, unbookedMax);
    if (how !== 'expired') return;
    counts.lastExpired.unshift({ callId: id, reservedNanoUsd: nanoUsd, costKnown });
    counts.lastExpired.splice(lastExpiredMax);
  }

  bookedLate(id: string): void {
    const ended = this.#unbooked.get(id);
    const counts = ended && this.#days.get(ended.day);
    if (!ended || !counts) return;
    counts[ended.how] -= 1;
    counts.booked += 1;
    this.#unbooked.delete(id);
  }

  days(days: readonly string[]): WitnessDay[] {
    return days.flatMap((day) => {
      const counts = this.#days.get(day);
      return counts ? [{ day, ...counts, lastExpired: [...counts.lastExpired] }] : [];
    });
  }
}

/** Maps keep the order of insertion. */
function dropOldest<K>(kept: Map<K, unknown>, max: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= max) return;
    kept.delete(key);
  }
}
