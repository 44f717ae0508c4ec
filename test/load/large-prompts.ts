import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { CallerResult, type CallerSpec } from './caller-spec.ts';
import { largePromptBytes } from './requests.ts';
import type { Bench } from './stack.ts';
import { median } from './statistics.ts';

/** CPU of one call with a large prompt, milliseconds on all threads: the worker's provider, and the least there is. */
export interface LargePrompts {
  readonly provider: number;
  readonly hand: number;
}

const warmUpCalls = 300;
const calls = 600;
const sides: readonly CallerSpec['by'][] = ['provider', 'hand'];

/** By turns, each in one process throughout, so that both run warm and share what the machine does meanwhile. */
export async function measureLargePrompts(bench: Bench, rounds: number): Promise<LargePrompts> {
  const found = { provider: [] as number[], hand: [] as number[] };
  const callers = await Promise.all(sides.map(async (by) => ({ by, process: await openCaller() })));
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const { by, process } of round % 2 === 0 ? callers : callers.toReversed()) {
        const answered = once(process, 'message');
        const { url } = bench.simulator;
        process.send({ by, url, identity: bench.identity, promptBytes: largePromptBytes, warmUpCalls, calls });
        const [result]: unknown[] = await answered;
        found[by].push(CallerResult.parse(result).cpuMsPerCall);
      }
    }
  } finally {
    await Promise.all(
      callers.map(async ({ process }) => {
        const exited = once(process, 'exit');
        process.disconnect();
        await exited;
      }),
    );
  }
  return { provider: median(found.provider), hand: median(found.hand) };
}

async function openCaller() {
  const child = fork(path.join(import.meta.dirname, 'prompt-caller.ts'));
  child.once('exit', (code) => {
    if (code !== 0) throw new Error(`A caller of large prompts ended with ${code}.`);
  });
  await once(child, 'message');
  return child;
}
