import { openAsBlob } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import { alias } from './requests.ts';
import { newKey, openBench, openDistributed } from './stack.ts';
import type { Bench, DistributedGateway } from './stack.ts';

type Batch = OpenAI.Batches.Batch;

/** A distributed gateway with a batch runner, in front of a simulator that behaves so. */
export interface BatchBench extends AsyncDisposable {
  readonly bench: Bench;
  readonly gateway: DistributedGateway;
  readonly url: string;
  /** Whose processes use the machine. */
  readonly pids: ReadonlyMap<string, number>;
  /** A client of a team's key. */
  clientOf(team: string): Promise<OpenAI>;
}

export interface BatchBenchOptions {
  readonly behaviour: Partial<Behaviour>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Where profiles of the services go. */
  readonly profileDir: string | null;
}

export async function openBatchBench({ behaviour, settings = {}, profileDir }: BatchBenchOptions): Promise<BatchBench> {
  await using stack = new AsyncDisposableStack();
  const bench = stack.use(await openBench(settings));
  const profiled = (service: string) =>
    profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.join(profileDir, service)}`];
  const gateway = stack.use(await openDistributed(bench, profiled, { batchRunner: true }));
  await bench.simulator.setBehaviour(behaviour);
  const url = `http://127.0.0.1:${gateway.port}`;
  const owned = stack.move();
  return {
    bench,
    gateway,
    url,
    pids: new Map([...gateway.pids, ['simulator', bench.simulator.pid], ['clients', process.pid]]),
    clientOf: async (team) =>
      new OpenAI({ baseURL: `${url}/v1`, apiKey: await newKey(gateway.port, { team_id: team }), maxRetries: 0 }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What the lines of a file ask. */
export interface Lines {
  readonly count: number;
  readonly outputTokens?: number;
  /** Each line is so long; without it, as long as it has to be. */
  readonly lineBytes?: number;
}

/** Writes such a file, uploads it as a client with a file on its disk does, and returns its id. */
export async function uploadLines({ bench }: Pick<BatchBench, 'bench'>, client: OpenAI, lines: Lines): Promise<string> {
  const file = path.join(bench.folder, `lines-${lines.count}-${lines.lineBytes ?? 0}-${lines.outputTokens ?? 0}.jsonl`);
  await writeLines(file, lines);
  const content = new File([await openAsBlob(file)], path.basename(file));
  const { id } = await client.files.create({ file: content, purpose: 'batch' });
  return id;
}

const linesPerWrite = 500;

async function writeLines(file: string, { count, outputTokens = 20, lineBytes = 0 }: Lines): Promise<void> {
  await using handle = await open(file, 'w');
  const lineOf = (nth: number, filler: string) => {
    const content = `Line ${nth}. ${filler}#sim ${JSON.stringify({ outputTokens })}`;
    const body = { model: alias, max_tokens: outputTokens, messages: [{ role: 'user', content }] };
    return `${JSON.stringify({ custom_id: `line-${nth}`, method: 'POST', url: '/v1/chat/completions', body })}\n`;
  };
  const text = 'the sea on a calm day in early autumn ';
  const filler = text.repeat(Math.ceil(lineBytes / text.length));
  for (let from = 0; from < count; from += linesPerWrite) {
    const some = Array.from({ length: Math.min(linesPerWrite, count - from) }, (_, n) => {
      const short = lineOf(from + n, '').length;
      return lineBytes <= short ? lineOf(from + n, '') : lineOf(from + n, filler.slice(0, lineBytes - short));
    });
    await handle.write(some.join(''));
  }
}

export function beginBatch(client: OpenAI, fileId: string): Promise<Batch> {
  return client.batches.create({
    input_file_id: fileId,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
}

const lookEveryMs = 200;
const deadlineMs = 250_000;

/** A batch as soon as it is so. @throws Error when it has ended otherwise, or takes too long */
export async function batchWhen(
  client: OpenAI,
  { id }: Pick<Batch, 'id'>,
  isSo: (batch: Batch) => boolean,
): Promise<Batch> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (isSo(batch)) return batch;
    const told = `batch ${batch.status}, ${JSON.stringify(batch.request_counts)}, ${JSON.stringify(batch.errors)}`;
    if (hasEnded(batch) || performance.now() > until) throw new Error(told);
    await sleep(lookEveryMs);
  }
}

export function hasEnded({ status }: Batch): boolean {
  return status === 'completed' || status === 'failed' || status === 'expired' || status === 'cancelled';
}

/** Lines with a result. */
export function endedLines({ request_counts: counts }: Batch): number {
  return (counts?.completed ?? 0) + (counts?.failed ?? 0);
}
