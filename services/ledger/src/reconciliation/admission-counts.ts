import type { WitnessDay } from '@sluice/shared/ports/admission-witness.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** One life of admission's counters on one day, as last seen. */
export interface AdmissionCounts {
  readonly day: string;
  readonly epoch: string;
  readonly admitted: number;
  readonly booked: number;
  readonly voided: number;
  readonly expired: number;
  /** ISO. */
  readonly seenAt: string;
}

/** Keeps what the counters say, so that it is known when they are lost. */
export async function keepAdmissionCounts(sql: Sql, days: readonly WitnessDay[]): Promise<void> {
  await sql.query(
    `insert into ledger.admission_counts as kept (day, epoch, admitted, booked, voided, expired)
     select * from json_to_recordset($1::json) as seen (day date, epoch text, admitted bigint, booked bigint,
       voided bigint, expired bigint)
     order by day, epoch
     on conflict (day, epoch) do update set
       admitted = excluded.admitted, booked = excluded.booked, voided = excluded.voided, expired = excluded.expired,
       seen_at = now()
     where kept.admitted <= excluded.admitted -- the later of two readings`,
    [JSON.stringify(days)],
  );
}

/** For `from ≤ day < to`, the oldest life first. */
export async function readAdmissionCounts(
  sql: Sql,
  { from, to }: { from: string; to: string },
): Promise<AdmissionCounts[]> {
  const { rows } = await sql.query(
    `select to_char(day, 'YYYY-MM-DD') as day, epoch, admitted, booked, voided, expired,
       to_char(seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "seenAt"
     from ledger.admission_counts
     where day >= $1::date and day < $2::date
     order by admission_counts.day, first_seen_at`,
    [from, to],
  );
  const count = z.coerce.number<string>();
  return z
    .array(
      z.object({
        day: z.string(),
        epoch: z.string(),
        admitted: count,
        booked: count,
        voided: count,
        expired: count,
        seenAt: z.string(),
      }),
    )
    .parse(rows);
}
