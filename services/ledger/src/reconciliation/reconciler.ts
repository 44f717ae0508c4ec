import { setTimeout as sleep } from 'node:timers/promises';
import type { DayReconciliation, Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { Period } from '../chain/verify-chain.ts';
import { keepAdmissionCounts } from './admission-counts.ts';
import { endUnheard } from './end-unheard.ts';
import { reconcileDays, reconcileStanding, type ReconcileDeps } from './reconcile.ts';
import { dayToCatchUp } from './day-to-catch-up.ts';
import { readReconciliation, standing, storeReconciliation } from './store-reconciliation.ts';

export interface ReconcilerOptions extends ReconcileDeps {
  readonly log: Logger;
  /** From the end of a look to the next one; 0: never. */
  readonly intervalMs: number;
}

/** What the last look found. */
export interface ReconcilerStats {
  /** Epoch seconds; 0: none yet. */
  readonly lastAt: number;
  readonly failures: number;
  readonly findings: Readonly<Record<string, number>>;
  readonly admitted: number;
  readonly booked: number;
  readonly voided: number;
  readonly expired: number;
  readonly open: number;
}

export interface Reconciler extends AsyncDisposable {
  readonly stats: ReconcilerStats;
}

const dayMs = 86_400_000;
/** Looks at today and the days before; besides at one older day, if something came for it since the last look at it. */
const daysBack = 2;
/** What a look spends waiting for news that is under way. */
const waitedMs = 4_000;
/** A look is followed by a pause of so many times its length: it takes no more than a twentieth of the time. */
const pauseFactor = 19;

/**
 * Reconciles the last days again and again, repairs admission's counters and stores what it finds. Rows are read of
 * one day in each look, in turn.
 */
export function openReconciler(options: ReconcilerOptions): Reconciler {
  const { log, now, intervalMs } = options;
  const closing = new AbortController();
  let turn = 0;
  let stats: ReconcilerStats = {
    lastAt: 0,
    failures: 0,
    findings: {},
    admitted: 0,
    booked: 0,
    voided: 0,
    expired: 0,
    open: 0,
  };
  const running = intervalMs > 0 ? run() : Promise.resolve();
  return {
    get stats() {
      return stats;
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
      await keepLastCounts();
    },
  };

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      try {
        await look();
      } catch (error) {
        stats = { ...stats, failures: stats.failures + 1 };
        log.warn({ err: error }, 'not reconciled; tried again later');
      }
      const busyMs = performance.now() - startedAt - waitedMs;
      const pauseMs = Math.max(intervalMs, pauseFactor * busyMs);
      await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  /** Counters that end with their process are read once more, so that the next one knows how its days went on. */
  async function keepLastCounts(): Promise<void> {
    const { witness, sql } = options;
    if (witness === null || witness.startedAt === null) return;
    try {
      const days = await witness.days(daysUntil(now()));
      if (days.length > 0) await keepAdmissionCounts(sql, days);
    } catch (error) {
      log.warn({ err: error }, 'the last counts of admission were not kept');
    }
  }

  /** With what the rows showed when they were read last, by whichever ledger, if not now. */
  async function withLastReading(day: DayReconciliation): Promise<DayReconciliation> {
    const last = day.chain === null ? await readReconciliation(options.sql, day.day) : null;
    if (last === null) return day;
    const findings = last.findings.filter(({ check }) => ofRows.includes(check));
    return { ...day, chain: last.chain, findings: [...day.findings, ...findings] };
  }

  async function look(): Promise<void> {
    const days = daysUntil(now());
    const read = days[turn % days.length];
    turn += 1;
    const ended = await endUnheard(options);
    if (ended > 0) log.info({ ended }, 'reservations ended whose calls were booked without admission hearing of it');
    const first = days.at(-1) ?? '';
    const found = await lookAt({ from: first, to: isoDay(now() + dayMs) }, (day) => day === read);
    if (closing.signal.aborted) return;
    const rest = await reconcileStanding(options, { repair: true, balances: false });
    await storeReconciliation(options.sql, { day: standing, ...rest });
    const findings = [...found.flatMap((day) => day.findings), ...rest.findings];
    tell(findings);
    stats = { ...stats, ...sumOf(found), lastAt: Math.floor(now() / 1000), findings: countOf(findings) };

    // Last: a day that cannot be read must not keep the others from being looked at.
    const older = await dayToCatchUp(options.sql, { before: first });
    if (older === null) return;
    const late = await lookAt({ from: older, to: isoDay(Date.parse(older) + dayMs) }, () => true);
    const ofOlder = late.flatMap((day) => day.findings);
    tell(ofOlder);
    stats = { ...stats, findings: countOf([...findings, ...ofOlder]) };
  }

  function tell(findings: readonly Finding[]): void {
    for (const finding of findings.filter(({ level }) => level === 'off'))
      log.error({ ...finding }, 'does not reconcile');
  }

  async function lookAt(period: Period, readsRows: (day: string) => boolean): Promise<DayReconciliation[]> {
    const found: DayReconciliation[] = [];
    const checks = (day: string) => ({ sums: readsRows(day), chain: readsRows(day) });
    for await (const looked of reconcileDays(options, period, checks)) {
      if (closing.signal.aborted) break;
      const day = await withLastReading(looked);
      found.push(day);
      await storeReconciliation(options.sql, day);
      // The log lies outside the database: a chain that is rewritten to its end no longer has this head.
      if (looked.chain !== null) log.info({ head: looked.chain.head }, 'head of the chain');
    }
    return found;
  }
}

/** The checks that read rows. */
const ofRows: readonly Finding['check'][] = ['booked_once', 'daily_sums', 'chain'];

function sumOf(days: readonly DayReconciliation[]) {
  const sum = (name: 'admitted' | 'booked' | 'voided' | 'expired' | 'open') =>
    days.reduce((total, { admissions }) => total + (admissions?.[name] ?? 0), 0);
  return {
    admitted: sum('admitted'),
    booked: sum('booked'),
    voided: sum('voided'),
    expired: sum('expired'),
    open: sum('open'),
  };
}

function countOf(findings: readonly Finding[]): Record<string, number> {
  const off = findings.filter(({ level }) => level === 'off');
  return Object.fromEntries([...Map.groupBy(off, ({ check }) => check)].map(([check, all]) => [check, all.length]));
}

/** The newest first. */
function daysUntil(time: number): string[] {
  return Array.from({ length: daysBack + 1 }, (_, ago) => isoDay(time - ago * dayMs));
}

function isoDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
