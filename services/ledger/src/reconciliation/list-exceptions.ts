import type { Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { ExpiredCall } from '@sluice/shared/ports/admission-witness.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

const shownMax = 100;
const CallIds = z.array(z.object({ call_id: z.string() }));

/** Usage events that lie in `ledger.rejected_events`. Those whose money is booked miss only what was attached to them. */
export async function listRejected(sql: Sql): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const booked of [false, true]) {
    const { rows } = await sql.query(
      `select call_id, count(*) over ()::int as total from ledger.rejected_events
       where booked = $1 order by rejected_at desc limit ${shownMax}`,
      [booked],
    );
    const found = z.array(z.object({ call_id: z.string(), total: z.int() })).parse(rows);
    const [first] = found;
    if (first === undefined) continue;
    findings.push({
      check: 'rejected',
      level: booked ? 'note' : 'off',
      message: booked
        ? `${first.total} usage events were booked without what was attached to them`
        : `${first.total} usage events were rejected: their money is not in the books`,
      items: found.map(({ call_id }) => call_id),
      repaired: false,
    });
  }
  return findings;
}

/** Of calls that were admitted on a day, those that have a row. */
export async function bookedAmong(
  sql: Sql,
  day: string,
  calls: readonly Pick<ExpiredCall, 'callId'>[],
): Promise<Set<string>> {
  if (calls.length === 0) return new Set();
  const { rows } = await sql.query(
    `select call_id from ledger.spend_rows
     where call_id = any($1)
       and request_id = any($3) -- has the index
       and admitted_at >= $2::date::timestamp at time zone 'UTC'
       and admitted_at < ($2::date + 1)::timestamp at time zone 'UTC'`,
    [calls.map(({ callId }) => callId), day, calls.map(({ callId }) => callId.slice(0, callId.indexOf(':')))],
  );
  return new Set(CallIds.parse(rows).map(({ call_id }) => call_id));
}

/** Reservations that ended by time and have no row to this day. */
export function listExpired(expired: readonly ExpiredCall[], booked: ReadonlySet<string>): Finding[] {
  const unbooked = expired.filter(({ callId }) => !booked.has(callId));
  const known = unbooked.filter(({ costKnown }) => costKnown);
  const unknown = unbooked.filter(({ costKnown }) => !costKnown);
  const nanoUsd = (calls: readonly ExpiredCall[]) =>
    calls.reduce((sum, { reservedNanoUsd }) => sum + reservedNanoUsd, 0);
  return [
    { calls: known, what: `ended at a known cost, ${nanoUsd(known)} nano-USD together, and their usage never arrived` },
    { calls: unknown, what: `expired without a word, ${nanoUsd(unknown)} nano-USD reserved at the most` },
  ]
    .filter(({ calls }) => calls.length > 0)
    .map(({ calls, what }) => ({
      check: 'expired' as const,
      level: 'off' as const,
      message: `${calls.length} calls ${what}`,
      items: calls.slice(0, shownMax).map(({ callId }) => callId),
      repaired: false,
    }));
}
