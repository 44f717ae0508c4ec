import type { DayReconciliation, Finding, StandingReconciliation } from '@sluice/shared/contracts/reconciliation.ts';
import type { AdmissionWitness, WitnessDay } from '@sluice/shared/ports/admission-witness.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { setTimeout as pause } from 'node:timers/promises';
import type { Misfit } from '../chain/judge-day.ts';
import { alteredMachinery, verifyDay, type Period } from '../chain/verify-chain.ts';
import { isDropped } from '../chain/read-chain.ts';
import { keepAdmissionCounts, readAdmissionCounts } from './admission-counts.ts';
import { checkBalances, checkBookedOnce, checkDailySums } from './check-sums.ts';
import { compareCounters } from './compare-counters.ts';
import { judgeAdmissions } from './judge-admissions.ts';
import { bookedAmong, listExpired, listRejected } from './list-exceptions.ts';
import { countOlderAdmissions } from './older-admissions.ts';
import { sumBlocks, type BlockSums } from './sum-blocks.ts';
import { summedDays } from './summed-days.ts';

export interface ReconcileDeps {
  /** With a statement time limit that is long enough to read a day's rows. */
  readonly sql: SqlPool;
  /** null: admission's counters cannot be asked. */
  readonly witness: AdmissionWitness | null;
  /** What this process knows of the usage log; null: nothing. */
  readonly usage: { backlog(): Promise<number>; undecodable(): number } | null;
  readonly now: () => number;
  /** For tests: how long news of bookings may be under way. */
  readonly settlingMs?: number;
}

/** What of a day's rows is read. */
export interface RowChecks {
  readonly sums: boolean;
  readonly chain: boolean;
}

const dayMs = 86_400_000;
/** Admission keeps its counters 35 days from the first call of a day. */
const keptDays = 34;

/**
 * Holds the admissions of a period's days against their bookings, and as asked the rows against their sums and their
 * chain, a day at a time, the oldest first. Days without anything are left out.
 */
export async function* reconcileDays(
  deps: ReconcileDeps,
  period: Period,
  checks: (day: string) => RowChecks,
): AsyncGenerator<DayReconciliation> {
  const { sql, witness, now, settlingMs = 2_000 } = deps;
  const before = byDay(await sumBlocks(sql, period));
  // Admission hears of a booking after its commit.
  if (witness !== null) await pause(settlingMs);
  const days = daysOf(period, now());
  const first = witnessed(await witness?.days(days));
  const lateRows = new Map<string, Set<string>>();
  for (const { day, lastExpired } of first.values()) lateRows.set(day, await bookedAmong(sql, day, lastExpired));
  for (const booked of lateRows.values()) await witness?.noteBooked([...booked]);
  const open = await witness?.openCalls();
  const live = witnessed(await witness?.days(days));
  const after = byDay(await sumBlocks(sql, period));
  if (live.size > 0) await keepAdmissionCounts(sql, [...live.values()]);
  const counts = Map.groupBy(await readAdmissionCounts(sql, period), ({ day }) => day);

  const oldestKept = isoDay(now() - keptDays * dayMs);
  const summed = await summedDays(sql, period);
  for (const day of [...new Set([...after.keys(), ...counts.keys(), ...summed])].toSorted()) {
    const found = open?.filter((call) => call.day === day).length ?? 0;
    const judged = judgeAdmissions({
      counts: counts.get(day) ?? [],
      liveEpoch: live.get(day)?.epoch ?? null,
      open: open === undefined ? null : between(first.get(day), live.get(day), found),
      before: before.get(day) ?? nothing(day),
      after: after.get(day) ?? nothing(day),
      older: await countOlderAdmissions(sql, day),
      isKept: witness !== null && day >= oldestKept,
      isPartial: witness != null && witness.startedAt !== null && day <= isoDay(witness.startedAt),
    });
    const { rows, refusals, costNanoUsd } = after.get(day) ?? nothing(day);
    const expired = listExpired(live.get(day)?.lastExpired ?? [], lateRows.get(day) ?? new Set());
    const read = await checkRows(sql, day, checks(day));
    yield {
      day,
      admissions: judged.admissions,
      books: { rows, refusals, costNanoUsd },
      chain: read.chain,
      findings: [...judged.findings, ...expired, ...read.findings],
    };
  }
}

/** @param checks.balances reads every row there is */
export async function reconcileStanding(
  deps: ReconcileDeps,
  checks: { readonly repair: boolean; readonly balances: boolean },
): Promise<StandingReconciliation> {
  const { sql, witness, usage, settlingMs } = deps;
  const findings: Finding[] = await listRejected(sql);
  const altered = await alteredMachinery(sql);
  if (altered.length > 0) findings.push(off('chain', 'what makes the chain is not as the migrations made it', altered));
  const undecodable = usage?.undecodable() ?? 0;
  if (undecodable > 0)
    findings.push(
      off('undecodable', `${undecodable} usage events in the usage log cannot be read: money that is not booked`),
    );
  if (checks.balances) findings.push(...(await checkBalances(sql)));
  const settling = settlingMs === undefined ? {} : { settlingMs };
  const counters = witness ? await compareCounters(sql, witness, { repair: checks.repair, ...settling }) : null;
  return {
    accountsCompared: counters?.compared ?? null,
    backlog: (await usage?.backlog()) ?? null,
    findings: [...findings, ...(counters?.findings ?? [])],
  };
}

async function checkRows(
  sql: SqlPool,
  day: string,
  checks: RowChecks,
): Promise<Pick<DayReconciliation, 'chain' | 'findings'>> {
  const findings: Finding[] = [];
  if (checks.sums && !(await isDropped(sql, day))) {
    // A call that was admitted before midnight and began after it may be of a month that retention has dropped.
    const isShort = await isDropped(sql, isoDay(Date.parse(day) - dayMs));
    findings.push(...(await checkBookedOnce(sql, day)), ...(await checkDailySums(sql, day, { isShort })));
  }
  if (!checks.chain) return { chain: null, findings };
  const { status, blocks, head, misfit, misfits } = await verifyDay(sql, day);
  if (misfit !== null) findings.push(off('chain', describeMisfit(misfit, misfits)));
  return { chain: { status, blocks, head: head === null ? '' : `${head.day}:${head.seq}:${head.hash}` }, findings };
}

/** Of a day with `misfits` of them, in one line. */
export function describeMisfit({ day, seq, kind, detail }: Misfit, misfits: number): string {
  const more = misfits > 1 ? ` (the first of ${misfits} places)` : '';
  return `${day}${seq === null ? '' : ` block ${seq}`}: ${kind}: ${detail}${more}`;
}

/** null: the counters were lost in between, so that nothing can be said. */
function between(first: WitnessDay | undefined, last: WitnessDay | undefined, found: number) {
  const ended = ({ booked, voided, expired }: WitnessDay) => booked + voided + expired;
  if (last === undefined) return null;
  if (first === undefined) return { found, begun: last.admitted, ended: ended(last) };
  if (first.epoch !== last.epoch) return null;
  return { found, begun: last.admitted - first.admitted, ended: ended(last) - ended(first) };
}

function witnessed(days: readonly WitnessDay[] = []): Map<string, WitnessDay> {
  return new Map(days.map((day) => [day.day, day]));
}

function off(check: Finding['check'], message: string, items: readonly string[] = []): Finding {
  return { check, level: 'off', message, items: [...items], repaired: false };
}

function nothing(day: string): BlockSums {
  return { day, rows: 0, refusals: 0, costNanoUsd: '0', openingRows: 0, openingRefusals: 0 };
}

function byDay(sums: readonly BlockSums[]): Map<string, BlockSums> {
  return new Map(sums.map((one) => [one.day, one]));
}

/** The days of the period that admission can know. */
function daysOf({ from, to }: Period, now: number): string[] {
  const days = Array.from({ length: keptDays + 2 }, (_, ago) => isoDay(now + (1 - ago) * dayMs));
  return days.filter((day) => day >= from && day < to);
}

function isoDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
