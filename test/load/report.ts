import type { BenchArguments } from './arguments.ts';
import type { BooksReport } from './books.ts';
import { disturbedFrom } from './figures.ts';
import type { LargePrompts } from './large-prompts.ts';
import { streamTable, wholeTable } from './latency-tables.ts';
import { ledgerTable } from './ledger-report.ts';
import type { LedgerReport } from './ledger.ts';
import { list, percent, table } from './markdown.ts';
import type { Measurement } from './measure.ts';
import { sampleEveryMs, type MemoryReport } from './memory.ts';
import { median } from './statistics.ts';
import { targetTable } from './target-table.ts';
import { cpuTable, largePromptTable, memoryTable } from './usage-tables.ts';

export interface Report {
  readonly options: BenchArguments;
  readonly machine: ReadonlyMap<string, string>;
  readonly measurements: readonly Measurement[];
  /** Milliseconds of CPU per second, by process. */
  readonly idle: ReadonlyMap<string, number>;
  readonly memory: MemoryReport | null;
  /** MiB, by process; before the first request, and after the last. */
  readonly residentAtStart: ReadonlyMap<string, number>;
  readonly residentAtEnd: ReadonlyMap<string, number>;
  readonly books: BooksReport;
  readonly embedded: EmbeddedReport | null;
  readonly largePrompts: LargePrompts;
  readonly ledger: LedgerReport | null;
}

export interface EmbeddedReport {
  readonly measurements: readonly Measurement[];
  readonly residentMbAtEnd: number;
  readonly problems: readonly string[];
}

/** How long the memory target is about. */
const steadyMinutes = 5;

/** What was wrong, in words: answers or books, never speed. */
export function problemsOf({ measurements, embedded, memory, books, ledger }: Report): string[] {
  const failed = [...measurements, ...(embedded?.measurements ?? [])].filter(({ load }) => load.failed > 0);
  return [
    ...failed.map(({ arm, side, load }) => `${arm.title}, ${side}: ${load.failed} failed: ${load.failures.join('; ')}`),
    ...(memory !== null && memory.failed > 0 ? [`steady load: ${memory.failed} failed`] : []),
    ...books.problems.map((problem) => `books: ${problem}`),
    ...(embedded?.problems ?? []).map((problem) => `embedded books: ${problem}`),
    ...(ledger?.problems ?? []).map((problem) => `the ledger alone: ${problem}`),
  ];
}

export function writeReport(report: Report): string {
  return [
    '# Sluice benchmark',
    list(report.machine),
    '## Targets',
    targetTable(report),
    '## Whole calls',
    wholeTable(report.measurements),
    '## Streams',
    streamTable(report.measurements),
    '## CPU, ms per request',
    cpuTable(report),
    '## A call with a 100 KB prompt, CPU ms',
    largePromptTable(report),
    '## Resident memory, MiB',
    memoryTable(report),
    ...(report.embedded === null ? [] : ['## Embedded', wholeTable(report.embedded.measurements)]),
    ...(report.ledger === null ? [] : ['## The ledger alone', ledgerTable(report.ledger)]),
    '## Books',
    booksText(report),
    '## How to read it',
    notes(report),
  ].join('\n\n');
}

function booksText(report: Report): string {
  const { answered, billed, rows, billedNanoUsd, bookedNanoUsd, balanceNanoUsd, dailyNanoUsd } = report.books;
  const problems = problemsOf(report);
  return [
    table(
      ['answered', 'billed by the simulator', 'rows', 'billed, nano-USD', 'booked', "the key's balance", 'daily sums'],
      [[answered, billed, rows, billedNanoUsd, bookedNanoUsd, balanceNanoUsd, dailyNanoUsd].map(String)],
    ),
    problems.length === 0
      ? 'Every answer was whole, and every billed call is in the books once, to the nano-USD.'
      : `**WRONG**\n\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
  ].join('\n\n');
}

function notes({ options, measurements, memory }: Report): string {
  const others = measurements.map(({ otherLoad }) => otherLoad);
  const { rounds, measureMs } = options;
  return [
    `Medians over ${rounds} round${rounds === 1 ? '' : 's'} of ${measureMs / 1_000} s per arm, direct and gateway by turns. Clients, simulator, ` +
      'servers and gateway share the machine, so what the clients and the simulator use is missing to the gateway.',
    'Direct sends one request that was signed beforehand; the gateway signs each. The simulator checks every signature.',
    'At 32 and 128 connections each client asks again at once, so latency is the length of the line at full load; what ' +
      'the gateway adds when it is not full is in the row with a fixed rate, the same for both sides.',
    'Unpaced streams arrive from the simulator in pieces of up to 128 events, as fast as the socket takes them; paced ones event by event. The gateway ends with the usage; the provider sends ' +
      '[DONE] as one more event, in a paced stream 20 ms later.',
    `In ${others.filter((share) => share > disturbedFrom).length} of ${others.length} measurements other processes used more than ` +
      `${disturbedFrom * 100} % of the machine (median ${percent(median(others))}, most ${percent(Math.max(...others))}). ` +
      'Where an arm has calmer rounds, only those count; where it has none, its figures are too low.',
    ...(memory === null || memory.minutes < steadyMinutes
      ? [`The memory target is about ${steadyMinutes} minutes: run with --minutes ${steadyMinutes}.`]
      : []),
    ...(memory === null
      ? []
      : [
          `Steady load: ${memory.requests} requests in ${memory.minutes} min, memory every ${sampleEveryMs / 1_000} s.`,
        ]),
  ]
    .map((note) => `- ${note}`)
    .join('\n');
}
