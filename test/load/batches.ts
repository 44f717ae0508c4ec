/**
 * `npm run bench:batches -- --arm ARM`: what batches take and give on this machine, in distributed mode with everything
 * on it, each server and service as a process of its own.
 *
 *   acceptance  a file of `--lines` lines of `--line-bytes` is taken, checked, run for a while and cancelled: memory
 *   speed       `--lines` small lines, one batch alone: lines per second, and CPU per line
 *   beside      interactive requests by turns alone and beside a batch: the 99th percentile, where an answer takes a
 *               second, as a short one of a language model does. With `--call-ms 100 --slots 20` it shows what two
 *               cores add that are more than half busy
 *   shares      two teams with weights of 2 to 1 and `--lines` each, a third with ten lines in the middle
 *   throttled   `--lines` before a provider that takes few calls at a time: what of it is used, what fails
 *
 * `--profile DIR` keeps a CPU profile of each service there. Ends with 1 when what was aimed at was missed.
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { acceptLargeFile } from './batch-acceptance.ts';
import { interactBeside, shareByWeight } from './batch-company.ts';
import { runAlone, type SpeedReport } from './batch-speed.ts';
import { number, percent, table } from './markdown.ts';
import { sum, type Spread } from './statistics.ts';

const targets = {
  growthMb: 100,
  linesPerSecond: 400,
  p99Share: 1.05,
  p99Ms: 2,
  ratio: 2,
  ratioWithin: 0.1,
  newcomerMs: 10_000,
  used: 0.95,
};

const { values } = parseArgs({
  options: {
    arm: { type: 'string', default: 'speed' },
    lines: { type: 'string' },
    'line-bytes': { type: 'string', default: '4194' },
    'per-second': { type: 'string', default: '40' },
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '7' },
    slots: { type: 'string' },
    'call-ms': { type: 'string' },
    profile: { type: 'string' },
  },
});
const profileDir = values.profile ?? null;
const lines = (otherwise: number) => Number(values.lines ?? otherwise);
const slots = (otherwise: number) => Number(values.slots ?? otherwise);
const callMs = (otherwise: number) => Number(values['call-ms'] ?? otherwise);
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Each says what it has found, and whether it is what was aimed at. */
const arms: Readonly<Record<string, () => Promise<boolean>>> = { acceptance, speed, beside, shares, throttled };

const arm = arms[values.arm];
if (arm === undefined) throw new Error(`--arm: ${values.arm} is none of ${Object.keys(arms).join(', ')}`);
say(`${new Date().toISOString()}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores\n`);
process.exitCode = (await arm()) ? 0 : 1;

async function acceptance(): Promise<boolean> {
  const size = { count: lines(50_000), lineBytes: Number(values['line-bytes']) };
  const report = await acceptLargeFile(size, profileDir);
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  say(
    `${size.count} lines, ${((size.count * size.lineBytes) / 2 ** 20).toFixed(0)} MiB: uploaded in ${seconds(report.uploadMs)}, ` +
      `checked in ${seconds(report.checkMs)}; ${report.ranLines} lines ran; the rest cancelled in ${seconds(report.cancelMs)}\n`,
  );
  const rows = [...report.memory].map(([name, { before, growth }]) => [name, number(before), number(growth)]);
  say(table(['process', 'before, MiB', 'at most more, MiB'], rows));
  return [...report.memory.values()].every(({ growth }) => growth <= targets.growthMb);
}

async function speed(): Promise<boolean> {
  const report = await runAlone(lines(10_000), { delayMs: callMs(0) }, profileDir);
  sayAlone(report);
  return report.perSecond >= targets.linesPerSecond && report.failed === 0;
}

async function throttled(): Promise<boolean> {
  const behaviour = { delayMs: callMs(1_000), maxInFlight: slots(20) };
  const report = await runAlone(lines(1_200), behaviour, profileDir);
  sayAlone(report);
  const used = report.used ?? 0;
  say(`\n${(used * 100).toFixed(1)} % of the provider's ${behaviour.maxInFlight} places used`);
  return used >= targets.used && report.failed === 0;
}

async function beside(): Promise<boolean> {
  const load = {
    slots: slots(100),
    callMs: callMs(1_000),
    perSecond: Number(values['per-second']),
    rounds: Number(values.rounds),
    measureMs: Number(values.seconds) * 1_000,
    profileDir,
  };
  const report = await interactBeside(load);
  const row = (name: string, { count, p50, p99, max }: Spread) => [name, ...[count, p50, p99, max].map(number)];
  const rows = [row('alone', report.alone), row('beside a batch', report.beside)];
  say(table(['interactive requests', 'how many', 'p50 ms', 'p99 ms', 'most ms'], rows));
  const more = report.beside.p99 - report.alone.p99;
  say(
    `\np99 ${more.toFixed(1)} ms more, ${((100 * more) / report.alone.p99).toFixed(1)} %; ` +
      `${number(report.linesPerSecond)} lines/s beside ${load.perSecond} requests/s; answers by status: ${countsOf(report.statuses)}`,
  );
  return (
    (more <= targets.p99Ms || report.beside.p99 <= report.alone.p99 * targets.p99Share) &&
    [...report.statuses.keys()].every((status) => status === 200)
  );
}

async function shares(): Promise<boolean> {
  const load = { slots: slots(20), callMs: callMs(100), profileDir };
  const { ratio, measuredMs, newcomerMs } = await shareByWeight(lines(5_000), load);
  say(
    `tokens of weight 2 to weight 1: ${ratio.toFixed(3)} over ${(measuredMs / 1_000).toFixed(0)} s; ` +
      `ten lines of a third team: ${(newcomerMs / 1_000).toFixed(1)} s`,
  );
  return Math.abs(ratio - targets.ratio) <= targets.ratioWithin && newcomerMs <= targets.newcomerMs;
}

function sayAlone(report: SpeedReport): void {
  const { perSecond, finalizingMs, cpuMsPerLine, otherLoad, failures } = report;
  say(
    `${report.lines} lines: ${number(perSecond)} lines/s, then ${(finalizingMs / 1_000).toFixed(1)} s for the output; ` +
      `failed: ${failures.size === 0 ? 'none' : countsOf(failures)}; others used ${percent(otherLoad)} of the machine\n`,
  );
  const rows = [...cpuMsPerLine].sort(([, a], [, b]) => b - a).map(([name, ms]) => [name, ms.toFixed(3)]);
  say(table(['process', 'CPU ms per line'], [...rows, ['all', sum([...cpuMsPerLine.values()]).toFixed(3)]]));
}

function countsOf(counts: ReadonlyMap<number, number>): string {
  return [...counts].map(([status, count]) => `${status}: ${count}`).join(', ');
}
