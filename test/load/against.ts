import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { waitUntil } from '../servers/wait-until.ts';
import type { Arm } from './arms.ts';
import type { BenchArguments } from './arguments.ts';
import { openBill, openBooks } from './books.ts';
import { describeMachine, revisionOf } from './machine.ts';
import { list, number, table } from './markdown.ts';
import { measure, type Measurement, type Subject } from './measure.ts';
import { say } from './say.ts';
import { openBench, openDistributed, spentNanoUsd, type Bench } from './stack.ts';
import { median, sum } from './statistics.ts';
import { warmUp } from './warm-up.ts';

const revisions = ['before', 'now'] as const;
type Revision = (typeof revisions)[number];
type Pair = Readonly<Record<Revision, Measurement>>;

const bookingDeadlineMs = 60_000;

/**
 * Two revisions on one machine: the gateways of both stand at once, each with servers of its own, and are put under
 * load by turns, each first by turns, so that a machine that gets slower wrongs neither. What is reported are the
 * ratios within a pair of measurements, and their median. Both run on the Node, and with the flags, of this one.
 *
 * @param other a checkout of Sluice; its packages are installed if they are not
 * @throws Error when an answer was not whole, or a bill and the books of its key do not come to agree
 */
export async function compareRevisions(other: string, options: BenchArguments): Promise<string> {
  await promisify(execFile)(process.execPath, ['deploy/bootstrap.mjs', 'test/load/bench.ts', '--help'], { cwd: other });
  await using bench = await openBench();
  await using stack = new AsyncDisposableStack();
  const before = stack.use(await openDistributed(bench, () => options.nodeArgs, { from: other }));
  const now = stack.use(await openDistributed(bench, () => options.nodeArgs));
  const books = stack.use(openBooks(now.databaseUrl));
  const machine = await describeMachine(await books.postgresVersion());
  const subjects = { before: subjectOf(bench, before), now: subjectOf(bench, now) };
  for (const revision of revisions) {
    say(`${revision}: warm-up`);
    await warmUp(subjects[revision], options);
  }
  const pairs: Pair[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    for (const arm of options.arms) {
      say(`round ${round + 1} of ${options.rounds}: ${arm.title}`);
      pairs.push(await measurePair(subjects, arm, round % 2 === 0, options));
    }
  }
  return [
    '# Two revisions',
    list(new Map([...machine, ['before', revisionOf(other)]])),
    speedTable(pairs, options),
    '## CPU, ms per request: before → now',
    cpuTable(pairs, options),
  ].join('\n\n');
}

/** Its books are read as the key's owner reads them: tables are another matter in another revision. */
function subjectOf(bench: Bench, gateway: Subject['gateway']): Subject {
  const bill = openBill(bench.simulator);
  const caughtUp = async () => {
    await bill.collect();
    await waitUntil(async () => (await spentNanoUsd(gateway)) === Number(bill.totalNanoUsd), {
      what: "the key's spend agrees with the bill",
      deadlineMs: bookingDeadlineMs,
    });
  };
  return { bench, gateway, bill, books: { caughtUp }, answered: { count: 0 } };
}

async function measurePair(
  subjects: Readonly<Record<Revision, Subject>>,
  arm: Arm,
  isBeforeFirst: boolean,
  options: BenchArguments,
): Promise<Pair> {
  const one = async (revision: Revision) => {
    const measurement = await measure(subjects[revision], arm, 'gateway', options);
    const { failed, failures } = measurement.load;
    if (failed > 0) throw new Error(`${arm.title}, ${revision}: ${failed} failed: ${failures.join('; ')}`);
    return measurement;
  };
  if (isBeforeFirst) {
    const before = await one('before');
    return { before, now: await one('now') };
  }
  const now = await one('now');
  return { before: await one('before'), now };
}

/** What an arm is about: how much at full load; how soon where the load is fixed. */
function figureOf(arm: Arm): { readonly name: string; of(measurement: Measurement): number } {
  const isFixed = arm.ratePerSecond !== null || arm.question.gapMs > 0;
  if (isFixed) return { name: 'p50, ms', of: ({ load }) => load.measured.latencyMs?.p50 ?? Number.NaN };
  return arm.question.streamed
    ? { name: 'events/s', of: ({ load: { measured } }) => measured.frames / measured.seconds }
    : { name: 'requests/s', of: ({ load: { measured } }) => measured.requests / measured.seconds };
}

function speedTable(pairs: readonly Pair[], { arms, rounds }: BenchArguments): string {
  const rows = arms.map((arm) => {
    const figure = figureOf(arm);
    return [arm.title, figure.name, ...compared(pairs, arm, (one) => figure.of(one))];
  });
  return `${table(['', '', 'before', 'now', 'now / before'], rows)}\n\nMedians over ${rounds} pairs; in brackets the least and the greatest ratio.`;
}

function cpuTable(pairs: readonly Pair[], { arms }: BenchArguments): string {
  const names = [...(pairs[0]?.now.cpuMsPerRequest.keys() ?? [])].filter((name) => name !== 'load' && name !== 'bench');
  const head = ['', ...names, 'all', 'now / before'];
  const rows = arms.map((arm) => {
    const cells = names.map((name) => compared(pairs, arm, (one) => one.cpuMsPerRequest.get(name) ?? Number.NaN));
    const all = compared(pairs, arm, (one) => sum(names.map((name) => one.cpuMsPerRequest.get(name) ?? 0)));
    return [arm.title, ...[...cells, all].map(([before, now]) => `${before} → ${now}`), all[2]];
  });
  return table(head, rows);
}

function compared(pairs: readonly Pair[], arm: Arm, figure: (one: Measurement) => number): [string, string, string] {
  const own = pairs.filter(({ now }) => now.arm.id === arm.id);
  const ratios = own.map(({ before, now }) => figure(now) / figure(before));
  const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join('–');
  return [
    number(median(own.map(({ before }) => figure(before)))),
    number(median(own.map(({ now }) => figure(now)))),
    `${median(ratios).toFixed(2)} (${range})`,
  ];
}
