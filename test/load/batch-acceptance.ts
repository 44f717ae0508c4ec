import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf } from '../servers/process-tree.ts';
import { batchWhen, beginBatch, endedLines, hasEnded, openBatchBench, uploadLines } from './batch-bench.ts';
import { anonymousMb, residentMb } from './process-usage.ts';

export interface AcceptanceReport {
  readonly uploadMs: number;
  /** From the batch's creation until its first line may run. */
  readonly checkMs: number;
  readonly ranLines: number;
  readonly cancelMs: number;
  /** MiB before, and how much more at the most, by process; of PostgreSQL and its like without shared memory. */
  readonly memory: ReadonlyMap<string, { readonly before: number; readonly growth: number }>;
}

const sampleMs = 100;
const warmUpLines = 1_000;
const runMs = 15_000;

/** A large file is taken, checked, run for a while, and the rest of it cancelled. */
export async function acceptLargeFile(
  lines: { readonly count: number; readonly lineBytes: number },
  profileDir: string | null,
): Promise<AcceptanceReport> {
  await using stack = await openBatchBench({ behaviour: { delayMs: 50 }, profileDir });
  const client = await stack.clientOf('large');
  const warmUp = await beginBatch(client, await uploadLines(stack, client, { count: warmUpLines, lineBytes: 2_000 }));
  await batchWhen(client, warmUp, ({ status }) => status === 'completed');

  const before = memoryOf(stack.gateway.pids);
  const most = new Map(before);
  const sampler = new AbortController();
  const sampling = (async () => {
    while (!sampler.signal.aborted) {
      for (const [name, mb] of memoryOf(stack.gateway.pids)) most.set(name, Math.max(mb, most.get(name) ?? 0));
      await sleep(sampleMs);
    }
  })();
  const startedAt = performance.now();
  const fileId = await uploadLines(stack, client, lines);
  const uploadedAt = performance.now();
  const batch = await beginBatch(client, fileId);
  await batchWhen(client, batch, ({ status }) => status === 'in_progress');
  const checkedAt = performance.now();
  await sleep(runMs);
  const cancelledAt = performance.now();
  await client.batches.cancel(batch.id);
  const ended = await batchWhen(client, batch, hasEnded);
  const endedAt = performance.now();
  sampler.abort();
  await sampling;
  if (endedLines(ended) !== lines.count) throw new Error(`${endedLines(ended)} of ${lines.count} lines have ended`);
  return {
    uploadMs: uploadedAt - startedAt,
    checkMs: checkedAt - uploadedAt,
    ranLines: ended.request_counts?.completed ?? 0,
    cancelMs: endedAt - cancelledAt,
    memory: new Map(
      [...before].map(([name, mb]) => [name, { before: mb, growth: (most.get(name) ?? mb) - mb }] as const),
    ),
  };
}

/** A server with processes of its own counts as the largest of them; PostgreSQL's share memory that is not theirs. */
function memoryOf(pids: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(
    [...pids].map(([name, pid]) => {
      const memoryOfOne = name === 'postgres' ? anonymousMb : residentMb;
      return [name, Math.max(memoryOfOne(pid), ...childrenOf(pid).map(anonymousMb))] as const;
    }),
  );
}
