import type { DayReconciliation, Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { AdmissionCounts } from './admission-counts.ts';
import type { BlockSums } from './sum-blocks.ts';

export interface DayOfAdmissions {
  /** Every life of the counters that was ever seen on this day, the oldest first. */
  readonly counts: readonly AdmissionCounts[];
  /** The life that goes on; null: the counters know nothing of this day. */
  readonly liveEpoch: string | null;
  /** Reservations found, and how many began and ended while they were looked for; null: not looked for. */
  readonly open: { readonly found: number; readonly begun: number; readonly ended: number } | null;
  /** The books before the counters were read, and after. */
  readonly before: BlockSums;
  readonly after: BlockSums;
  /** Rows whose admission nobody counted, because an ingress of an older release admitted them. */
  readonly older: number;
  /** Days on which the counters are kept: an older day's have ended by time. */
  readonly isKept: boolean;
  /** The counters end with their process, which began on this day or later: what an earlier one left open is no fault. */
  readonly isPartial: boolean;
}

/**
 * Admitted = booked + voided + expired + open, and booked = rows whose requests were not refused.
 *
 * The books are read before and after the counters: whatever is booked meanwhile lies in between. What a lost Redis
 * knew between its last reading and its end, nobody knows; the difference is shown and not explained away.
 */
export function judgeAdmissions(given: DayOfAdmissions): Pick<DayReconciliation, 'admissions'> & {
  readonly findings: readonly Finding[];
} {
  const { counts, liveEpoch, before, after, older } = given;
  const findings: Finding[] = [];
  const find = (check: Finding['check'], level: Finding['level'], message: string) =>
    findings.push({ check, level, message, items: [], repaired: false });
  const expected = before.rows - before.refusals - before.openingRows + before.openingRefusals;
  if (counts.length === 0) {
    if (expected > 0) find('witness', 'note', `nobody counted the admission of ${expected} booked calls`);
    return { admissions: null, findings };
  }

  const sums = sumOf(counts);
  const lives = counts.map((life) => ({ ...life, open: life.admitted - life.booked - life.voided - life.expired }));
  const lostLives = given.isKept ? lives.filter(({ epoch }) => epoch !== liveEpoch) : [];
  const lost = lostLives.reduce((sum, life) => sum + life.open, 0);
  const counted = lives.reduce((sum, life) => sum + life.open, 0) - lost;
  for (const life of lostLives) {
    if (given.isPartial && life.open === 0) continue;
    const how = given.isPartial ? 'ended with their process' : 'were lost';
    find(
      'witness',
      given.isPartial ? 'note' : 'off',
      `admission's counters ${how} after ${life.seenAt}, with ${life.open} of ${life.admitted} reservations open; ` +
        'what was admitted between that reading and the loss is not counted',
    );
  }

  const { open } = given;
  if (open !== null && (open.found < counted - open.begun || open.found > counted + open.ended)) {
    const message = `admitted − booked − voided − expired is ${counted}, but there are ${open.found} open reservations`;
    find('admissions', 'off', message);
  }
  // At the most: it is read after what is expected, and bookings go on.
  const byOlder = Math.min(older, Math.max(0, expected - sums.booked));
  if (byOlder > 0)
    find('admissions', 'note', `an older release admitted ${byOlder} of the booked calls and counted none`);
  const uncounted = expected - byOlder - sums.booked;
  const isLost = lostLives.length > 0 || given.isPartial;
  if (uncounted > 0 && uncounted <= counted) {
    find('admissions', 'note', `admission has not heard yet that ${uncounted} of the open calls are booked`);
  } else if (uncounted > 0) {
    const why = isLost ? `: lost with the counters, ${lost} of them known as open` : '';
    find('admissions', isLost ? 'note' : 'off', `${uncounted} booked calls are not among the admitted ones${why}`);
  }
  const missing = sums.booked - (after.rows - after.openingRows);
  if (missing > 0) find('admissions', 'off', `${missing} calls were reported as booked and have no row`);
  return { admissions: { ...sums, open: counted, lost }, findings };
}

function sumOf(counts: readonly AdmissionCounts[]) {
  const sums = { admitted: 0, booked: 0, voided: 0, expired: 0 };
  for (const life of counts) {
    sums.admitted += life.admitted;
    sums.booked += life.booked;
    sums.voided += life.voided;
    sums.expired += life.expired;
  }
  return sums;
}
