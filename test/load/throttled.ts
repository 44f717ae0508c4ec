/**
 * `npm run bench:throttled`: what a provider that takes few calls at a time is used to, by several workers in front of
 * twenty times as many clients; when it then takes half as many, and again as many as before.
 *
 * Ends with 1 when less than 95 % was used, a change was not followed within ten seconds, or a client saw anything but
 * an answer.
 */
import { availableParallelism, cpus } from 'node:os';
import { runThrottledLoad } from './throttled-provider.ts';

const slots = 30;
const usedLeast = 0.95;
const followedMsMost = 10_000;

const say = (line: string) => process.stdout.write(`${line}\n`);
say(`${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, everything on them`);
const report = await runThrottledLoad({
  slots,
  workers: 3,
  callMs: 1_000,
  say,
  phases: [
    { name: 'from the start', slots, settleMs: 15_000, measureMs: 15_000 },
    { name: 'half as many', slots: slots / 2, settleMs: 10_000, measureMs: 10_000 },
    { name: 'as many as before', slots, settleMs: 15_000, measureMs: 15_000 },
  ],
});
say(`answers by status: ${[...report.statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`);
say(`answers by worker: ${report.answeredPerWorker.join(', ')}`);
const isGood =
  report.phases.every(({ used, followedMs }) => used >= usedLeast && (followedMs ?? Infinity) <= followedMsMost) &&
  [...report.statuses.keys()].every((status) => status === 200);
process.exitCode = isGood ? 0 : 1;
