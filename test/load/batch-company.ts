import { setTimeout as sleep } from 'node:timers/promises';
import type OpenAI from 'openai';
import { batchWhen, beginBatch, hasEnded, openBatchBench, uploadLines } from './batch-bench.ts';
import { interact } from './beside-batch.ts';
import { newKey } from './stack.ts';
import { spreadOf } from './statistics.ts';
import type { Spread } from './statistics.ts';

export interface BesideReport {
  /** Of interactive requests, milliseconds from sent to answered. */
  readonly alone: Spread;
  readonly beside: Spread;
  /** Lines that ended beside them, per second. */
  readonly linesPerSecond: number;
  /** Interactive answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
}

export interface BesideOptions {
  readonly slots: number;
  readonly callMs: number;
  readonly perSecond: number;
  readonly rounds: number;
  readonly measureMs: number;
  readonly profileDir: string | null;
}

const settleMs = 4_000;
const besideLines = 10_000;

/** Interactive requests at a steady rate, by turns alone and beside a batch that would last longer. */
export async function interactBeside(options: BesideOptions): Promise<BesideReport> {
  const { slots, callMs, rounds, measureMs, profileDir } = options;
  await using stack = await openBatchBench({ behaviour: { delayMs: callMs, maxInFlight: slots }, profileDir });
  const client = await stack.clientOf('batch');
  const masterKey = await newKey(stack.gateway.port);
  const asker = { masterKey, request: (path: string, init?: RequestInit) => fetch(`${stack.url}${path}`, init) };
  const fileId = await uploadLines(stack, client, { count: besideLines });
  const statuses = new Map<number, number>();
  const note = (status: number) => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const all = { alone: [] as number[], beside: [] as number[] };
  let lines = 0;
  for (let round = 0; round < rounds; round += 1) {
    await interact(asker, options, settleMs, () => undefined);
    all.alone.push(...(await interact(asker, options, measureMs, note)));
    const batch = await beginBatch(client, fileId);
    await interact(asker, options, settleMs, () => undefined);
    const before = await client.batches.retrieve(batch.id);
    all.beside.push(...(await interact(asker, options, measureMs, note)));
    const after = await client.batches.retrieve(batch.id);
    lines += (after.request_counts?.completed ?? 0) - (before.request_counts?.completed ?? 0);
    if (after.status !== 'in_progress') throw new Error(`the batch is ${after.status} beside the requests`);
    await client.batches.cancel(batch.id);
    await batchWhen(client, batch, hasEnded);
  }
  return {
    alone: spreadOf(all.alone),
    beside: spreadOf(all.beside),
    linesPerSecond: (lines * 1_000) / (measureMs * rounds),
    statuses,
  };
}

export interface SharesReport {
  /** What the team of weight 2 was served for each token of the team of weight 1 while both ran. */
  readonly ratio: number;
  readonly measuredMs: number;
  /** Until the ten lines of a third team were completed, that came while both ran. */
  readonly newcomerMs: number;
}

const teams = [
  { team: 'gold', weight: 2, outputTokens: 30 },
  { team: 'bronze', weight: 1, outputTokens: 60 },
] as const;
const newcomerLines = 10;
/** What the queue weighs an output token as. */
const outputWeight = 2;

/** Two teams' batches at the same time, and a third's in the middle. */
export async function shareByWeight(
  lines: number,
  { slots, callMs, profileDir }: Pick<BesideOptions, 'slots' | 'callMs' | 'profileDir'>,
): Promise<SharesReport> {
  const weights = Object.fromEntries(teams.map(({ team, weight }) => [team, weight]));
  await using stack = await openBatchBench({
    behaviour: { delayMs: callMs, maxInFlight: slots },
    settings: { sluice_settings: { fair_share: { weights } } },
    profileDir,
  });
  const [gold, bronze] = await Promise.all(
    teams.map(async ({ team, outputTokens }) => {
      const client = await stack.clientOf(team);
      return { client, fileId: await uploadLines(stack, client, { count: lines, outputTokens }), batchId: '' };
    }),
  );
  if (gold === undefined || bronze === undefined) throw new Error('two teams');
  const newcomer = await stack.clientOf('newcomer');
  const newcomerFile = await uploadLines(stack, newcomer, { count: newcomerLines });
  for (const one of [gold, bronze]) one.batchId = (await beginBatch(one.client, one.fileId)).id;
  await batchWhen(bronze.client, { id: bronze.batchId }, ({ status }) => status === 'in_progress');
  await sleep(settleMs);

  const from = { at: performance.now(), gold: await servedTo(gold), bronze: await servedTo(bronze) };
  const enough = (share: number) =>
    batchWhen(gold.client, { id: gold.batchId }, (one) => (one.request_counts?.completed ?? 0) >= lines * share);
  await enough(0.5);
  const cameAt = performance.now();
  const came = await beginBatch(newcomer, newcomerFile);
  await batchWhen(newcomer, came, ({ status }) => status === 'completed');
  const newcomerMs = performance.now() - cameAt;
  await enough(0.9);
  const to = { at: performance.now(), gold: await servedTo(gold), bronze: await servedTo(bronze) };
  return {
    ratio: (to.gold - from.gold) / (to.bronze - from.bronze),
    measuredMs: to.at - from.at,
    newcomerMs,
  };
}

async function servedTo({ client, batchId }: { readonly client: OpenAI; readonly batchId: string }): Promise<number> {
  const { usage } = await client.batches.retrieve(batchId);
  return (usage?.input_tokens ?? 0) + outputWeight * (usage?.output_tokens ?? 0);
}
