import { setTimeout as pause } from 'node:timers/promises';
import { bookedAmong } from './list-exceptions.ts';
import type { ReconcileDeps } from './reconcile.ts';

/** Calls that are asked about, or ended, in one step. */
const chunk = 1_000;

/**
 * Ends the reservations of calls that are in the books, and of which admission has not heard: the ledger that booked
 * them died before it could say so, or Redis forgot the last it had heard. Without this they would stay reserved, at
 * their known cost, for a day.
 *
 * @returns how many there were
 */
export async function endUnheard({ sql, witness, settlingMs = 2_000 }: ReconcileDeps): Promise<number> {
  if (witness === null) return 0;
  const booked: string[] = [];
  for (const [day, calls] of Map.groupBy(await witness.openCalls(), (call) => call.day)) {
    for (let from = 0; from < calls.length; from += chunk)
      booked.push(...(await bookedAmong(sql, day, calls.slice(from, from + chunk))));
  }
  if (booked.length === 0) return 0;
  await pause(settlingMs); // of most of them the news is under way
  let ended = 0;
  for (let from = 0; from < booked.length; from += chunk)
    ended += await witness.endBooked(booked.slice(from, from + chunk));
  return ended;
}
