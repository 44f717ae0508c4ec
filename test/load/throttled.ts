/**
 * `npm run bench:throttled`: what a provider that takes few calls at a time is used to, by several workers in front of
 * twenty times as many clients; when it then takes half as many, and again as many as before.
 *
 * `-- --lane batch`: the same with requests of the batch lane. `-- --beside`: what interactive requests take alone and
 * beside a deep backlog of batch requests, by turns.
 *
 * Ends with 1 when less than 95 % was used, a change was not followed within ten seconds, or a client saw anything but
 * an answer; beside a batch, when the 99th percentile was more than 5 % and 2 ms above, weights of 2 to 1 were not served
 * 2 to 1 within 5 %, or a newcomer's batch requests took longer than 10 s.
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Lane } from '@sluice/shared/contracts/turn.ts';
import { runBesideBatch } from './beside-batch.ts';
import { runThrottledLoad } from './throttled-provider.ts';

const slots = 30;
const usedLeast = 0.95;
const followedMsMost = 10_000;
const newcomerMsMost = 10_000;

const { values } = parseArgs({
  options: { lane: { type: 'string', default: 'interactive' }, beside: { type: 'boolean', default: false } },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
say(`${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, everything on them`);
process.exitCode = (await (values.beside ? isGoodBeside() : isGoodIn(Lane.parse(values.lane)))) ? 0 : 1;

async function isGoodIn(lane: Lane): Promise<boolean> {
  const report = await runThrottledLoad({
    slots,
    workers: 3,
    callMs: 1_000,
    lane,
    say,
    phases: [
      { name: 'from the start', slots, settleMs: 15_000, measureMs: 15_000 },
      { name: 'half as many', slots: slots / 2, settleMs: 10_000, measureMs: 10_000 },
      { name: 'as many as before', slots, settleMs: 15_000, measureMs: 15_000 },
    ],
  });
  say(`answers by status: ${[...report.statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`);
  say(`answers by worker: ${report.answeredPerWorker.join(', ')}`);
  return (
    report.phases.every(({ used, followedMs }) => used >= usedLeast && (followedMs ?? Infinity) <= followedMsMost) &&
    [...report.statuses.keys()].every((status) => status === 200)
  );
}

async function isGoodBeside(): Promise<boolean> {
  const { alone, beside, ratio, newcomer, statuses } = await runBesideBatch({
    slots,
    workers: 3,
    callMs: 1_000,
    perSecond: 8,
    backlog: 300,
    rounds: 3,
    settleMs: 5_000,
    measureMs: 20_000,
    say,
  });
  return (
    beside.p99 <= Math.max(alone.p99 * 1.05, alone.p99 + 2) &&
    Math.abs(ratio - 2) <= 0.1 &&
    Math.max(...newcomer) <= newcomerMsMost &&
    [...statuses.keys()].every((status) => status === 200)
  );
}
