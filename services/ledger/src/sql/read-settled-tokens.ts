import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { SettledCall } from '@sluice/shared/ports/admission.ts';
import { usedTokens } from '@sluice/shared/prices/usage-tokens.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

const tokens = z.coerce.number<string>();
const Rows = z.array(z.object({ call_id: z.string(), settled_tokens: tokens, input_tokens: tokens }));

/**
 * The tokens that were booked for these calls, whatever the events say that come again. Of a call whose row is gone,
 * dropped with its month, those of its event.
 */
export async function readSettledTokens(sql: Sql, events: readonly UsageEvent[]): Promise<SettledCall[]> {
  const { rows } = await sql.query(
    `select call_id, settled_tokens, least(input_tokens, settled_tokens) as input_tokens
     from unnest($1::timestamptz[], $2::text[]) as asked (admitted_at, call_id)
     join ledger.spend_rows using (admitted_at, call_id)`,
    [events.map(({ admittedAt }) => new Date(admittedAt)), events.map(({ callId }) => callId)],
  );
  const booked = new Map(Rows.parse(rows).map((row) => [row.call_id, row]));
  return events.map((event) => {
    const row = booked.get(event.callId);
    const used = row ? { tokens: row.settled_tokens, inputTokens: row.input_tokens } : usedTokens(event);
    return { callId: event.callId, ...used };
  });
}
