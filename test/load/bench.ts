/**
 * `npm run bench`: how fast Sluice is, with everything on, and whether the books agree afterwards.
 *
 * Postgres, Redis, NATS, the OCI simulator, one ingress, one worker, one ledger and the clients are processes of their
 * own on this machine. In one run, arms of load are put on the simulator directly and on the gateway by turns, and what
 * is reported are medians over the rounds and differences between the two sides. The direct side sends one request that
 * was signed beforehand; the gateway signs each. `--help` has the options.
 *
 * Ends with 0 however slow it was, and with 1 when an answer or the books were wrong.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../servers/wait-until.ts';
import { compareRevisions } from './against.ts';
import { readArguments, usage, type BenchArguments } from './arguments.ts';
import type { Arm } from './arms.ts';
import { openBill, openBooks } from './books.ts';
import { measureLargePrompts } from './large-prompts.ts';
import { ledgerTable } from './ledger-report.ts';
import { measureLedger } from './ledger.ts';
import { describeMachine } from './machine.ts';
import { measure, type Measurement, type Subject } from './measure.ts';
import { underSteadyLoad } from './memory.ts';
import { cpuSince, cpuTimes, residentMb } from './process-usage.ts';
import { profileServices } from './profile.ts';
import { problemsOf, writeReport, type EmbeddedReport, type Report } from './report.ts';
import { say } from './say.ts';
import { openBench, openDistributed, openEmbedded, spentNanoUsd, type Bench, type Gateway } from './stack.ts';
import { warmUp } from './warm-up.ts';

const idleMs = 1_000;

const args = readArguments(process.argv.slice(2));
if (args === 'help') process.stdout.write(`${usage}\n`);
else if (args.onlyLedger) await ledgerRun(args);
else if (args.profile) await profileRun(args);
else if (args.against !== null) publish(await compareRevisions(args.against, args), args);
else await benchRun(args);

async function benchRun(options: BenchArguments): Promise<void> {
  await using bench = await openBench();
  const distributed = await runDistributed(bench, options);
  const embedded = options.embedded ? await runEmbedded(bench, options) : null;
  say('100 KB prompts, the provider and node:http by turns');
  const largePrompts = await measureLargePrompts(bench, Math.max(3, options.rounds));
  say('the ledger alone');
  const ledger = options.ledgerEvents === 0 ? null : await measureLedger(options.ledgerEvents);
  const report: Report = { options, ...distributed, embedded, largePrompts, ledger };
  publish(writeReport(report), options);
  process.exitCode = problemsOf(report).length > 0 ? 1 : 0;
}

async function ledgerRun(options: BenchArguments): Promise<void> {
  const ledger = await measureLedger(options.ledgerEvents);
  publish([ledgerTable(ledger), ...ledger.problems].join('\n'), options);
  process.exitCode = ledger.problems.length > 0 ? 1 : 0;
}

async function runDistributed(
  bench: Bench,
  options: BenchArguments,
): Promise<Omit<Report, 'options' | 'embedded' | 'largePrompts' | 'ledger'>> {
  await using gateway = await openDistributed(bench, () => options.nodeArgs);
  await using books = openBooks(gateway.databaseUrl);
  const subject: Subject = { bench, gateway, books, bill: openBill(bench.simulator), answered: { count: 0 } };
  const machine = await describeMachine(await books.postgresVersion());
  say('distributed gateway: warm-up');
  const residentAtStart = resident(gateway);
  await warmUp(subject, options);
  const idle = await idleCpu(subject);
  const measurements = await rounds(subject, options, options.arms);
  if (options.minutes > 0) say(`steady load for ${options.minutes} minutes`);
  const memory = options.minutes > 0 ? await withOutput(gateway, underSteadyLoad(subject, options)) : null;
  const residentAtEnd = resident(gateway);
  return {
    machine,
    measurements,
    idle,
    memory,
    residentAtStart,
    residentAtEnd,
    books: await books.compare(subject.bill, subject.answered.count),
  };
}

async function runEmbedded(bench: Bench, options: BenchArguments): Promise<EmbeddedReport> {
  say('embedded gateway');
  await using gateway = await openEmbedded(bench);
  const bill = openBill(bench.simulator);
  const subject: Subject = { bench, gateway, books: null, bill, answered: { count: 0 } };
  await warmUp(subject, options);
  const measurements = await rounds(
    subject,
    options,
    options.arms.filter(({ id }) => id === 'whole-1' || id === 'whole-32'),
  );
  const residentMbAtEnd = residentMb(gateway.pids.get('embedded') ?? process.pid);
  const spent = async () => (await spentNanoUsd(gateway)) === Number(bill.totalNanoUsd);
  const problems: string[] = [];
  await waitUntil(spent, { what: 'the embedded books agree with the bill', deadlineMs: 30_000 }).catch(
    (error: unknown) => problems.push(String(error)),
  );
  if (bill.costs.size !== subject.answered.count) {
    problems.push(`${subject.answered.count} requests were answered, ${bill.costs.size} are on the bill`);
  }
  return { measurements, residentMbAtEnd, problems };
}

/** MiB, by process. */
function resident({ pids }: Gateway): ReadonlyMap<string, number> {
  return new Map([...pids].map(([name, pid]) => [name, residentMb(pid)]));
}

/** Direct and gateway by turns, and each first by turns, so that a machine that gets slower wrongs neither. */
async function rounds(subject: Subject, options: BenchArguments, which: readonly Arm[]): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    for (const arm of which) {
      const sides = round % 2 === 0 ? (['direct', 'gateway'] as const) : (['gateway', 'direct'] as const);
      for (const side of sides) {
        say(`round ${round + 1} of ${options.rounds}: ${arm.title}, ${side}`);
        measurements.push(await withOutput(subject.gateway, measure(subject, arm, side, options)));
      }
    }
  }
  return measurements;
}

/** What the processes use of the CPU when nobody asks for anything, milliseconds per second. */
async function idleCpu({ gateway }: Subject): Promise<ReadonlyMap<string, number>> {
  const before = cpuTimes(gateway.pids);
  await sleep(idleMs);
  const used = cpuSince(before, cpuTimes(gateway.pids));
  return new Map([...used].map(([name, ms]) => [name, (ms / idleMs) * 1_000]));
}

/** A benchmark that breaks off says what the services had to say. */
async function withOutput<T>(gateway: Gateway, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Error(`The benchmark broke off. The services printed last:\n${gateway.output()}`, { cause: error });
  }
}

async function profileRun(options: BenchArguments): Promise<void> {
  await using bench = await openBench();
  publish(await profileServices(bench, options), options);
}

function publish(text: string, { outFile }: BenchArguments): void {
  process.stdout.write(`${text}\n`);
  if (outFile !== null) writeFileSync(outFile, `${text}\n`);
}
