import type { BenchArguments } from './arguments.ts';
import { arms, type Arm, type Side } from './arms.ts';
import type { LargePrompts } from './large-prompts.ts';
import type { BooksReport } from './books.ts';
import { ledgerTable } from './ledger-report.ts';
import type { LedgerReport } from './ledger.ts';
import type { Measurement } from './measure.ts';
import { growthPerMinute, sampleEveryMs, type MemoryReport } from './memory.ts';
import { median, sum } from './statistics.ts';

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

/** The figures that the project promises. */
const targets = {
  addedP50Ms: 3,
  embeddedAddedP50Ms: 8,
  requestsPerSecond: 1_000,
  chunksPerSecond: 50_000,
  workerCpuMs: 1,
  residentMb: 150,
  largePromptRatio: 2,
  eventsBookedPerSecond: 5_000,
};
const services = ['ingress', 'worker', 'ledger'];
const steadyMinutes = 5;
/** Share of the machine that others may use before a measurement says more about them than about us. */
const disturbedFrom = 0.1;
/** MiB per minute that are taken for noise. */
const flatBelow = 1;

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

/** The rounds of an arm in which the machine was ours; all of them if it never was. */
function calmest(measurements: readonly Measurement[], id: Arm['id'], side: Side): readonly Measurement[] {
  const all = measurements.filter((one) => one.arm.id === id && one.side === side);
  const calm = all.filter(({ otherLoad }) => otherLoad <= disturbedFrom);
  return calm.length > 0 ? calm : all;
}

/** Medians over the rounds. */
interface Figures {
  readonly perSecond: number;
  readonly perSecondRange: readonly [number, number];
  readonly p50: number;
  readonly p99: number;
  readonly firstP50: number;
  readonly firstP99: number;
  readonly chunksPerSecond: number;
}

function figuresOf(measurements: readonly Measurement[], arm: Arm, side: Side): Figures {
  const rounds = calmest(measurements, arm.id, side).map(({ load }) => load.measured);
  const rates = rounds.map(({ requests, seconds }) => requests / seconds);
  const spread = (pick: (round: (typeof rounds)[number]) => number | undefined) =>
    median(rounds.map((round) => pick(round) ?? Number.NaN));
  // Of a stream's frames those that carry a token.
  const share = arm.question.outputTokens / (arm.question.outputTokens + (side === 'direct' ? 3 : 2));
  return {
    perSecond: median(rates),
    perSecondRange: [Math.min(...rates), Math.max(...rates)],
    p50: spread(({ latencyMs }) => latencyMs?.p50),
    p99: spread(({ latencyMs }) => latencyMs?.p99),
    firstP50: spread(({ firstTokenMs }) => firstTokenMs?.p50),
    firstP99: spread(({ firstTokenMs }) => firstTokenMs?.p99),
    chunksPerSecond: spread(({ frames, seconds }) => (frames * share) / seconds),
  };
}

function bothOf(measurements: readonly Measurement[], id: Arm['id']): { direct: Figures; gateway: Figures } | null {
  const arm = arms.find((known) => known.id === id);
  if (arm === undefined || !measurements.some((one) => one.arm.id === id)) return null;
  return { direct: figuresOf(measurements, arm, 'direct'), gateway: figuresOf(measurements, arm, 'gateway') };
}

function targetTable(report: Report): string {
  const { measurements, embedded } = report;
  const added = (found: ReturnType<typeof bothOf>) => (found ? found.gateway.p50 - found.direct.p50 : Number.NaN);
  const most = Math.max(...services.map((name) => report.residentAtEnd.get(name) ?? Number.NaN));
  const minutes = report.memory?.minutes ?? 0;
  const rows = [
    atMost('added latency p50, 1 connection, ms', added(bothOf(measurements, 'whole-1')), targets.addedP50Ms),
    ...(embedded === null
      ? []
      : [
          atMost('the same, embedded, ms', added(bothOf(embedded.measurements, 'whole-1')), targets.embeddedAddedP50Ms),
        ]),
    atLeast(
      'requests/s, 128 connections',
      bothOf(measurements, 'whole-128')?.gateway.perSecond ?? Number.NaN,
      targets.requestsPerSecond,
    ),
    atLeast(
      'streamed chunks/s, 64 streams',
      bothOf(measurements, 'streams')?.gateway.chunksPerSecond ?? Number.NaN,
      targets.chunksPerSecond,
    ),
    atMost(
      'worker CPU per whole call, signing included, ms',
      cpuOf(measurements, 'whole-128', 'worker'),
      targets.workerCpuMs,
    ),
    atMost(
      'provider CPU for a 100 KB prompt, node:http signed by hand = 1',
      report.largePrompts.provider / report.largePrompts.hand,
      targets.largePromptRatio,
    ),
    ...(report.ledger === null
      ? []
      : [atLeast('usage events/s booked by one ledger', report.ledger.perSecond, targets.eventsBookedPerSecond)]),
    atMost(`largest service, resident, after ${minutes} min of steady load, MiB`, most, targets.residentMb),
  ];
  return table(['figure', 'measured', 'target', ''], rows);
}

function largePromptTable({ measurements, largePrompts: { provider, hand } }: Report): string {
  return table(
    ['what', 'ms', 'against node:http'],
    [
      ['node:http, signed by hand', number(hand), '1'],
      ["the worker's OCI provider", number(provider), number(provider / hand)],
      ['the whole worker: queue, provider, frames, usage', ...workerRow()],
    ],
  );

  function workerRow(): string[] {
    const worker = cpuOf(measurements, 'whole-large', 'worker');
    return [number(worker), number(worker / hand)];
  }
}

function atMost(name: string, value: number, target: number): string[] {
  const by = (value / target - 1) * 100;
  return [name, number(value), `≤ ${target}`, value <= target ? 'met' : `missed by ${by.toFixed(0)} %`];
}

function atLeast(name: string, value: number, target: number): string[] {
  const by = (1 - value / target) * 100;
  return [name, number(value), `≥ ${target}`, value >= target ? 'met' : `missed by ${by.toFixed(0)} %`];
}

function wholeTable(measurements: readonly Measurement[]): string {
  const rows = arms
    .filter(({ question }) => !question.streamed)
    .flatMap((arm) => {
      const both = bothOf(measurements, arm.id);
      if (both === null) return [];
      const { direct, gateway } = both;
      return [
        [
          arm.title,
          number(direct.perSecond),
          `${number(gateway.perSecond)} (${gateway.perSecondRange.map(number).join('–')})`,
          number(gateway.perSecond / direct.perSecond),
          `${number(direct.p50)} / ${number(direct.p99)}`,
          `${number(gateway.p50)} / ${number(gateway.p99)}`,
          `${number(gateway.p50 - direct.p50)} / ${number(gateway.p99 - direct.p99)}`,
        ],
      ];
    });
  return table(
    [
      'load',
      'direct req/s',
      'gateway req/s (range)',
      'ratio',
      'direct p50 / p99 ms',
      'gateway p50 / p99 ms',
      'added p50 / p99 ms',
    ],
    rows,
  );
}

function streamTable(measurements: readonly Measurement[]): string {
  const rows = arms
    .filter(({ question }) => question.streamed)
    .flatMap((arm) => {
      const both = bothOf(measurements, arm.id);
      if (both === null) return [];
      const { direct, gateway } = both;
      return [
        [
          arm.title,
          number(direct.chunksPerSecond),
          number(gateway.chunksPerSecond),
          `${number(direct.firstP50)} / ${number(direct.firstP99)}`,
          `${number(gateway.firstP50)} / ${number(gateway.firstP99)}`,
          `${number(gateway.firstP50 - direct.firstP50)} / ${number(gateway.firstP99 - direct.firstP99)}`,
          number(gateway.p50 - direct.p50),
        ],
      ];
    });
  return table(
    [
      'load',
      'direct chunks/s',
      'gateway chunks/s',
      'direct first token p50 / p99 ms',
      'gateway first token p50 / p99 ms',
      'added p50 / p99 ms',
      'whole stream, added p50 ms',
    ],
    rows,
  );
}

function cpuOf(measurements: readonly Measurement[], id: Arm['id'], process: string): number {
  const found = calmest(measurements, id, 'gateway');
  return median(found.map(({ cpuMsPerRequest }) => cpuMsPerRequest.get(process) ?? Number.NaN));
}

function cpuTable({ measurements, idle }: Report): string {
  const names = [...(measurements.find(({ side }) => side === 'gateway')?.cpuMsPerRequest.keys() ?? [])];
  const rows = names.map((name) => [
    name,
    ...arms.map(({ id }) => cpuOf(measurements, id, name).toFixed(3)),
    idle.has(name) ? number(idle.get(name) ?? 0) : '',
  ]);
  const all = [
    'all',
    ...arms.map(({ id }) => sum(names.map((name) => cpuOf(measurements, id, name))).toFixed(3)),
    number(sum([...idle.values()])),
  ];
  return table(['process', ...arms.map(({ title }) => title), 'idle, ms per s'], [...rows, all]);
}

function memoryTable({ memory, residentAtStart, residentAtEnd }: Report): string {
  const rows = [...residentAtEnd].map(([name, atEnd]) => {
    const samples = memory?.samples.get(name) ?? [];
    const growth = growthPerMinute(samples);
    const tenths = Array.from({ length: 11 }, (_, index) => samples[Math.round((index / 10) * (samples.length - 1))]);
    return [
      name,
      number(residentAtStart.get(name) ?? Number.NaN),
      number(atEnd),
      growth === null ? 'too short to say' : `${growth.toFixed(2)} per min: ${growth < flatBelow ? 'flat' : 'grows'}`,
      tenths.map((value) => (value === undefined ? '' : value.toFixed(0))).join(' '),
    ];
  });
  return table(
    [
      'process',
      'before load',
      'at the end',
      'steady load: last third against the middle third',
      'steady load, from start to end',
    ],
    rows,
  );
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

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function list(entries: ReadonlyMap<string, string>): string {
  return [...entries].map(([name, text]) => `- ${name}: ${text}`).join('\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** Three significant figures, and no more decimals than mean something. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
