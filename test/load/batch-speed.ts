import { availableParallelism } from 'node:os';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import { resultsOf } from '../e2e/batch-files.ts';
import { batchWhen, beginBatch, endedLines, openBatchBench, uploadLines } from './batch-bench.ts';
import { cpuSince, cpuTimes, machineBusyMs } from './process-usage.ts';
import { sum } from './statistics.ts';
import { usedBetween } from './throttled-provider.ts';

export interface SpeedReport {
  readonly lines: number;
  readonly failed: number;
  readonly perSecond: number;
  /** From the last result to the output file. */
  readonly finalizingMs: number;
  /** Milliseconds per line, by process; writing the output included. */
  readonly cpuMsPerLine: ReadonlyMap<string, number>;
  /** Share of the machine that others had. */
  readonly otherLoad: number;
  /** Share of the provider's places in use; null: it has no bound. */
  readonly used: number | null;
  /** Lines that did not end with a 200, by status. */
  readonly failures: ReadonlyMap<number, number>;
}

const warmUpLines = 1_000;
/** Of the time with the provider's bound: it is found out first, and at the end too few lines are left. */
const settleMs = 5_000;

/** One batch alone, from its first line to its last. */
export async function runAlone(
  lines: number,
  behaviour: Partial<Behaviour>,
  profileDir: string | null,
): Promise<SpeedReport> {
  await using stack = await openBatchBench({ behaviour: { ...behaviour, maxInFlight: null }, profileDir });
  const { pids, bench } = stack;
  const client = await stack.clientOf('quick');
  const warmUp = await beginBatch(client, await uploadLines(stack, client, { count: warmUpLines }));
  await batchWhen(client, warmUp, ({ status }) => status === 'completed');
  await bench.simulator.setBehaviour(behaviour);
  await bench.simulator.clearBilled();

  const batch = await beginBatch(client, await uploadLines(stack, client, { count: lines }));
  await batchWhen(client, batch, ({ status }) => status !== 'validating');
  const cpuBefore = cpuTimes(pids);
  const busyBefore = machineBusyMs();
  const startedAt = performance.now();
  await batchWhen(client, batch, (one) => endedLines(one) === lines);
  const ranMs = performance.now() - startedAt;
  const ended = await batchWhen(client, batch, ({ status }) => status === 'completed');
  const wallMs = performance.now() - startedAt;
  const cpu = cpuSince(cpuBefore, cpuTimes(pids));
  const others = machineBusyMs() - busyBefore - sum([...cpu.values()]);

  const { errors } = await resultsOf(client, ended);
  const byStatus = Map.groupBy(errors, ({ response }) => response?.status_code ?? 0);
  const calls = await bench.simulator.billed();
  const from = Math.min(...calls.map((call) => call.startedAt)) + settleMs;
  const until = Math.max(...calls.map((call) => call.endedAt)) - settleMs;
  const slots = behaviour.maxInFlight ?? null;
  return {
    lines,
    failed: ended.request_counts?.failed ?? lines,
    perSecond: (lines * 1_000) / ranMs,
    finalizingMs: wallMs - ranMs,
    cpuMsPerLine: new Map([...cpu].map(([name, ms]) => [name, ms / lines])),
    otherLoad: Math.max(0, others / (wallMs * availableParallelism())),
    used: slots === null ? null : usedBetween(calls, from, until, slots),
    failures: new Map([...byStatus].map(([status, some]) => [status, some.length])),
  };
}
