import { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import { z } from 'zod';

/**
 * What an attempt leaves beside its job for whoever takes it over. One JSON line each; the last one about a call
 * counts, and `ended` counts whatever follows.
 * call: from here on this call may be billed. refused: it was not, its number and reservation are free again.
 * usage: what it used is known. ended: the job is, and nothing more is to be called for it; `event` is what may not be
 * stored yet.
 */
export const JournalLine = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('call'),
    call: z.int().positive(),
    alias: z.string(),
    deploymentId: z.string(),
    outputTokensCap: z.int().nonnegative(),
    startedAt: z.int(),
  }),
  z.object({ type: z.literal('refused'), call: z.int().positive() }),
  z.object({ type: z.literal('usage'), call: z.int().positive(), event: UsageEvent }),
  z.object({ type: z.literal('ended'), call: z.int().positive(), event: UsageEvent.nullable() }),
]);
export type JournalLine = z.infer<typeof JournalLine>;
export type LostCall = Extract<JournalLine, { type: 'call' }>;

/** The number of a call among its request's. */
export function callNumberOf(callId: CallId): number {
  return Number(callId.slice(callId.lastIndexOf(':') + 1));
}

export function writeJournalLine(line: JournalLine): string {
  return JSON.stringify(line);
}

/** What earlier attempts left behind. */
export interface LeftBehind {
  /** Calls that began and of whose use nothing is known. */
  readonly lost: readonly LostCall[];
  /** Use that is known and perhaps not stored. */
  readonly known: readonly UsageEvent[];
  /** The call to make next, and whether its reservation still stands. */
  readonly next: { readonly call: number; readonly reserved: boolean };
  /** The job has: there is no call to make. */
  readonly ended: boolean;
}

/** @throws Error on a line that no version of this program wrote */
export function readJournal(lines: readonly string[]): LeftBehind {
  const last = new Map<number, JournalLine>();
  let hasEnded = false;
  for (const text of lines) {
    const line = JournalLine.parse(JSON.parse(text));
    last.set(line.call, line);
    // Whatever comes after it: usage that could not be stored at once does.
    hasEnded ||= line.type === 'ended';
  }
  const open = [...last.values()];
  const lastCall = Math.max(0, ...last.keys());
  const reusable = lastCall === 0 || last.get(lastCall)?.type === 'refused';
  return {
    lost: open.filter((line) => line.type === 'call'),
    known: open.flatMap((line) => ('event' in line && line.event ? [line.event] : [])),
    next: reusable ? { call: Math.max(lastCall, 1), reserved: true } : { call: lastCall + 1, reserved: false },
    ended: hasEnded,
  };
}
