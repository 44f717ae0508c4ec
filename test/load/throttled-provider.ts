import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '@sluice/shared/contracts/turn.ts';
import type { BilledCall } from '../oci-simulator/billing.ts';
import { metricsToken, openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway, TestGateway } from '../e2e/gateway.ts';

/** Many clients before a provider that takes few calls at a time, and changes its mind about how many. */
export interface ThrottledLoad {
  /** Calls that the provider takes at a time. */
  readonly slots: number;
  readonly workers: number;
  readonly callMs: number;
  /** Of the clients' requests. */
  readonly lane?: Lane;
  readonly phases: readonly Phase[];
  readonly say: (line: string) => void;
}

export interface Phase {
  readonly name: string;
  readonly slots: number;
  /** After the change, before it counts. */
  readonly settleMs: number;
  readonly measureMs: number;
}

export interface ThrottledReport {
  readonly phases: readonly PhaseReport[];
  /** Answers by status, over all. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly answeredPerWorker: readonly number[];
}

export interface PhaseReport extends Phase {
  /** Calls in service, as a share of the slots: the throughput, of what the provider allows. */
  readonly used: number;
  readonly answeredPerSecond: number;
  /** Until a second was used to nine tenths, after the change. */
  readonly followedMs: number | null;
}

/** Clients for each slot: each has one request under way, and sends the next when it is answered. */
const clientsPerSlot = 20;
const sliceMs = 1_000;

export async function runThrottledLoad(load: ThrottledLoad): Promise<ThrottledReport> {
  await using gateway = await openDistributedGateway({ workers: load.workers });
  const behaviour = { delayMs: load.callMs, outputTokens: 20 };
  gateway.simulator.setBehaviour({ ...behaviour, maxInFlight: load.slots });
  const statuses = new Map<number, number>();
  const stop = new AbortController();
  const question = questionIn(load.lane ?? 'interactive');
  const count = (status: number) => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const clients = Array.from({ length: load.slots * clientsPerSlot }, () =>
    askOnAndOn(gateway, question, ({ status }) => count(status), stop.signal),
  );
  const phases: PhaseReport[] = [];
  for (const phase of load.phases) {
    gateway.simulator.setBehaviour({ ...behaviour, maxInFlight: phase.slots });
    const changedAt = Date.now();
    await sleep(phase.settleMs + phase.measureMs);
    const report = reportOf(gateway, phase, changedAt);
    phases.push(report);
    load.say(describe(report));
  }
  const answeredPerWorker = await Promise.all(gateway.workers.map(({ port }) => answersOf(port)));
  stop.abort();
  await Promise.all(clients);
  return { phases, statuses, answeredPerWorker };
}

/** A request's body, of so many output tokens. */
export function questionIn(lane: Lane, outputTokens = 20): string {
  const messages = [{ role: 'user', content: `#sim ${JSON.stringify({ outputTokens })}` }];
  const flex = lane === 'batch' ? { service_tier: 'flex' } : {};
  return JSON.stringify({ model: 'llama', messages, max_tokens: outputTokens, ...flex });
}

export interface Asked {
  readonly status: number;
  readonly ms: number;
  readonly text: string;
}

/** @param key of the caller; absent: the master key */
export async function ask(
  gateway: Pick<TestGateway, 'request' | 'masterKey'>,
  body: string,
  { key = gateway.masterKey, signal = null }: { key?: string; signal?: AbortSignal | null } = {},
): Promise<Asked> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const startedAt = performance.now();
  const response = await gateway.request('/v1/chat/completions', { method: 'POST', headers, body, signal });
  const text = await response.text();
  return { status: response.status, ms: performance.now() - startedAt, text };
}

/** One client, until it is told to stop. What it is then waiting for it leaves. */
export async function askOnAndOn(
  gateway: Pick<TestGateway, 'request' | 'masterKey'>,
  body: string,
  onAnswer: (answer: Asked) => void,
  stop: AbortSignal,
  key?: string,
): Promise<void> {
  while (!stop.aborted) {
    try {
      onAnswer(await ask(gateway, body, { signal: stop, ...(key !== undefined && { key }) }));
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  }
}

/** The share of the provider's slots that were in service between two times, by the provider's own record. */
export function usedBetween(calls: readonly BilledCall[], from: number, to: number, slots: number): number {
  const inService = calls.reduce(
    (sum, { startedAt, endedAt }) => sum + Math.max(0, Math.min(endedAt, to) - Math.max(startedAt, from)),
    0,
  );
  return inService / ((to - from) * slots);
}

/** The provider's own record says how many calls were in service at each time. */
function reportOf(gateway: DistributedGateway, phase: Phase, changedAt: number): PhaseReport {
  const calls = gateway.simulator.billed();
  const now = Date.now();
  // Calls that have not ended are not in the record yet.
  const longest = Math.max(0, ...calls.slice(-100).map(({ startedAt, endedAt }) => endedAt - startedAt));
  const until = now - longest;
  const from = Math.min(changedAt + phase.settleMs, until - sliceMs);
  const answered = calls.filter(({ endedAt }) => endedAt >= from && endedAt < until).length;
  let followedMs: number | null = null;
  for (let at = changedAt; at + sliceMs <= until && followedMs === null; at += sliceMs / 10) {
    const used = usedBetween(calls, at, at + sliceMs, phase.slots);
    if (used >= 0.9 && used <= 1.05) followedMs = at - changedAt;
  }
  return {
    ...phase,
    used: usedBetween(calls, from, until, phase.slots),
    answeredPerSecond: (answered * 1_000) / (until - from),
    followedMs,
  };
}

async function answersOf(port: number): Promise<number> {
  const headers = { authorization: `Bearer ${metricsToken}` };
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text();
  const counts = page.matchAll(
    /^gen_ai_client_operation_duration_seconds_count\{[^}]*outcome="completed"[^}]*\} (\d+)/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function describe({ name, slots, used, answeredPerSecond, followedMs }: PhaseReport): string {
  const followed = followedMs === null ? 'not reached' : `${(followedMs / 1_000).toFixed(1)} s`;
  return `${name}: ${slots} at a time, ${(used * 100).toFixed(1)} % of them used, ${answeredPerSecond.toFixed(1)} answers/s, nine tenths after ${followed}`;
}
