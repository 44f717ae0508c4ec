import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { storableJson } from '../storable-json.ts';
import { withoutAttachments } from '../without-attachments.ts';

export interface Rejection {
  readonly event: UsageEvent;
  readonly reason: string;
  /** The money is booked; only texts that were attached to the call are missing in its row. */
  readonly booked: boolean;
}

/** Keeps an event that could not be booked as it came, for an operator. A redelivered one is kept once. */
export async function rejectUsage(sql: Sql, { event, reason, booked }: Rejection): Promise<void> {
  await sql.query(
    `insert into ledger.rejected_events (call_id, reason, booked, event)
     values ($1, $2, $3, $4)
     on conflict (call_id) do nothing`,
    [storable(event.callId), storable(reason), booked, jsonOf(event)],
  );
}

/** An event that is no JSON is kept as far as it is: this must not be one more thing that can be refused. */
function jsonOf(event: UsageEvent): string {
  try {
    return storableJson(event);
  } catch {
    return storableJson(withoutAttachments(event));
  }
}

function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
