import { availableParallelism } from 'node:os';
import { waitUntil } from '../servers/wait-until.ts';
import { expectedOf, type Arm, type Side } from './arms.ts';
import type { BenchArguments } from './arguments.ts';
import type { Bill, Books } from './books.ts';
import type { LoadResult } from './load-spec.ts';
import { cpuSince, cpuTimes, machineBusyMs } from './process-usage.ts';
import { directRequest, gatewayRequest } from './requests.ts';
import type { Bench, Gateway } from './stack.ts';
import { sum } from './statistics.ts';

/** What one arm did on one side in one round. */
export interface Measurement {
  readonly arm: Arm;
  readonly side: Side;
  readonly load: LoadResult;
  /** Milliseconds of CPU per request, by process; start and end of the arm and the booking after it included. */
  readonly cpuMsPerRequest: ReadonlyMap<string, number>;
  /** Share of the machine's CPU time that went to processes that are not ours, 0 to 1. */
  readonly otherLoad: number;
}

export interface Subject {
  readonly bench: Bench;
  readonly gateway: Gateway;
  readonly bill: Bill;
  /** Counted up with each answered request of the gateway. */
  readonly answered: { count: number };
  /** null: the gateway keeps its books to itself. */
  readonly books: Pick<Books, 'caughtUp'> | null;
}

/** Puts one arm on one side and waits until everything that it has started is over, booking included. */
export async function measure(
  { bench, gateway, bill, answered, books }: Subject,
  arm: Arm,
  side: Side,
  { warmUpMs, measureMs }: Pick<BenchArguments, 'warmUpMs' | 'measureMs'>,
): Promise<Measurement> {
  const port = side === 'direct' ? bench.simulator.port : gateway.port;
  const host = `127.0.0.1:${port}`;
  const request =
    side === 'direct'
      ? directRequest(host, bench.identity, arm.question)
      : gatewayRequest({ host, key: gateway.key }, arm.question);
  const pids = new Map([
    ...gateway.pids,
    ['simulator', bench.simulator.pid] as const,
    ['load', bench.loadPid] as const,
    ['bench', process.pid] as const,
  ]);

  const cpuBefore = cpuTimes(pids);
  const busyBefore = machineBusyMs();
  const startedAt = performance.now();
  const load = await bench.load({
    port,
    request,
    connections: arm.connections,
    ratePerSecond: arm.ratePerSecond,
    warmUpMs: Math.max(warmUpMs, arm.rampUpMs),
    measureMs,
    expected: expectedOf(side, arm.question),
  });
  if (side === 'gateway') {
    answered.count += load.requests - load.failed;
    await books?.caughtUp(answered.count);
  } else {
    await waitUntil(async () => (await bench.simulator.callsInFlight()) === 0, { what: 'the simulator is at rest' });
  }
  const wallMs = performance.now() - startedAt;
  const cpu = cpuSince(cpuBefore, cpuTimes(pids));
  const othersMs = machineBusyMs() - busyBefore - sum([...cpu.values()]);
  await bill.collect();
  return {
    arm,
    side,
    load,
    cpuMsPerRequest: new Map([...cpu].map(([name, ms]) => [name, ms / Math.max(1, load.requests)])),
    otherLoad: Math.max(0, othersMs / (wallMs * cores)),
  };
}

const cores = availableParallelism();
