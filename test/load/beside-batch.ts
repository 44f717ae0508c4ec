import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway } from '../e2e/gateway.ts';
import { spreadOf } from './statistics.ts';
import type { Spread } from './statistics.ts';
import { ask, askOnAndOn, questionIn, usedBetween } from './throttled-provider.ts';

/** Interactive requests at a steady rate, by turns alone and beside a deep backlog of the batch lane. */
export interface BesideBatch {
  /** Calls that the provider takes at a time. */
  readonly slots: number;
  readonly workers: number;
  readonly callMs: number;
  /** Interactive requests, evenly spread. */
  readonly perSecond: number;
  /** Requests that each of the two teams has waiting. */
  readonly backlog: number;
  readonly rounds: number;
  /** Interactive requests come already, and are not counted yet. */
  readonly settleMs: number;
  readonly measureMs: number;
  readonly say: (line: string) => void;
}

export interface BesideBatchReport {
  /** Of interactive requests, milliseconds from sent to answered. */
  readonly alone: Spread;
  readonly beside: Spread;
  /** Share of the provider's places in use beside a batch. */
  readonly used: number;
  /** What the team of weight 2 was served for each token of the team of weight 1, weighted tokens. */
  readonly ratio: number;
  /** Milliseconds that the batch requests of a team without a backlog took, each of them. */
  readonly newcomer: readonly number[];
  /** Answers by status, over all. */
  readonly statuses: ReadonlyMap<number, number>;
  /** What the first interactive requests took that met a provider full of batch calls. */
  readonly onset: Spread;
}

const newcomers = 5;
const Answer = z.object({ usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }) });
/** Different lengths, so that shares of requests are not shares of tokens. */
const teams = [
  { team: 'gold', weight: 2, outputTokens: 30 },
  { team: 'bronze', weight: 1, outputTokens: 60 },
] as const;

export async function runBesideBatch(load: BesideBatch): Promise<BesideBatchReport> {
  const { slots, workers, callMs, say } = load;
  const weights = Object.fromEntries(teams.map(({ team, weight }) => [team, weight]));
  await using gateway = await openDistributedGateway({
    workers,
    config: { sluice_settings: { fair_share: { weights } }, litellm_settings: { request_timeout: 300 } },
  });
  gateway.simulator.setBehaviour({ delayMs: callMs, maxInFlight: slots });
  const statuses = new Map<number, number>();
  const note = (status: number) => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const all = { alone: [] as number[], beside: [] as number[], onset: [] as number[], newcomer: [] as number[] };
  const used: number[] = [];
  const served = { gold: 0, bronze: 0 };

  for (let round = 0; round < load.rounds; round += 1) {
    await interact(gateway, load, load.settleMs, note);
    all.alone.push(...(await interact(gateway, load, load.measureMs, note)));
    await using batch = await openBatch(gateway, load.backlog, note);
    await sleep(load.settleMs);
    all.onset.push(...(await interact(gateway, load, load.settleMs, note)));
    const before = { ...batch.served };
    const from = Date.now();
    all.beside.push(...(await interact(gateway, load, load.measureMs, note)));
    const to = Date.now();
    for (const { team } of teams) served[team] += batch.served[team] - before[team];
    all.newcomer.push(...(await comeNew(gateway, note)));
    // What was in service until then has ended, and so is in the record.
    used.push(usedBetween(gateway.simulator.billed(), from, Math.min(to, Date.now() - 2 * callMs), slots));
  }
  const report = {
    alone: spreadOf(all.alone),
    beside: spreadOf(all.beside),
    onset: spreadOf(all.onset),
    used: used.reduce((sum, each) => sum + each, 0) / used.length,
    ratio: served.gold / served.bronze,
    newcomer: all.newcomer,
    statuses,
  };
  say(describe(report));
  return report;
}

/** Sends interactive requests for so long, and waits for their answers. @returns what each took */
export async function interact(
  gateway: Pick<DistributedGateway, 'request' | 'masterKey'>,
  { perSecond }: Pick<BesideBatch, 'perSecond'>,
  ms: number,
  note: (status: number) => void,
): Promise<number[]> {
  const body = questionIn('interactive');
  const count = Math.round((perSecond * ms) / 1_000);
  const startedAt = performance.now();
  const answers = Array.from({ length: count }, async (_, n) => {
    await sleep(Math.max(0, startedAt + (n * 1_000) / perSecond - performance.now()));
    const answer = await ask(gateway, body);
    note(answer.status);
    return answer.ms;
  });
  return Promise.all(answers);
}

/** As many waiting requests of each team as there are clients, until disposed. */
async function openBatch(gateway: DistributedGateway, backlog: number, note: (status: number) => void) {
  const stop = new AbortController();
  const served = { gold: 0, bronze: 0 };
  const clients: Promise<void>[] = [];
  for (const { team, outputTokens } of teams) {
    const key = await gateway.newKey({ team_id: team });
    const onAnswer = ({ status, text }: { status: number; text: string }) => {
      note(status);
      if (status !== 200) return;
      const { usage } = Answer.parse(JSON.parse(text));
      served[team] += usage.prompt_tokens + 2 * usage.completion_tokens;
    };
    const body = questionIn('batch', outputTokens);
    clients.push(...Array.from({ length: backlog }, () => askOnAndOn(gateway, body, onAnswer, stop.signal, key)));
  }
  return {
    served,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(clients);
    },
  };
}

/** A few batch requests of a team that had none, while the others have many. */
async function comeNew(gateway: DistributedGateway, note: (status: number) => void): Promise<number[]> {
  const key = await gateway.newKey({ team_id: 'newcomer' });
  const asked = Array.from({ length: newcomers }, () => ask(gateway, questionIn('batch'), { key }));
  return (await Promise.all(asked)).map(({ status, ms }) => {
    note(status);
    return ms;
  });
}

function describe({ alone, beside, onset, used, ratio, newcomer, statuses }: BesideBatchReport): string {
  const spread = ({ count, p50, p99, max }: Spread) =>
    `${count} requests, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, most ${max.toFixed(1)} ms`;
  return [
    `alone: ${spread(alone)}`,
    `beside a batch: ${spread(beside)}; p99 ${(beside.p99 - alone.p99).toFixed(1)} ms more, ${((beside.p99 / alone.p99 - 1) * 100).toFixed(1)} %`,
    `the first beside it: ${spread(onset)}`,
    `${(used * 100).toFixed(1)} % of the places in use; tokens of weight 2 to weight 1: ${ratio.toFixed(3)}`,
    `batch requests of a newcomer: ${newcomer.map((ms) => `${(ms / 1_000).toFixed(1)} s`).join(', ')}`,
    `answers by status: ${[...statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`,
  ].join('\n');
}
