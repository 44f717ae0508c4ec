/**
 * The clients of the benchmark, a process of its own: takes one LoadSpec after the other from its parent and answers
 * each with a LoadResult. Ends with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLoadConnection, type LoadConnection } from './load-connection.ts';
import { LoadSpec, type LoadResult } from './load-spec.ts';
import { spreadOf } from './statistics.ts';

const failuresTold = 5;

process.on('message', (message) => {
  run(LoadSpec.parse(message)).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      throw error;
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function run(spec: LoadSpec): Promise<LoadResult> {
  const { connections, ratePerSecond, warmUpMs, measureMs } = spec;
  let now = performance.now();
  const startedAt = now;
  const from = startedAt + warmUpMs;
  const until = from + measureMs;
  const latencies: number[] = [];
  const firstTokens: number[] = [];
  const failures: string[] = [];
  let requests = 0;
  let failed = 0;
  let frames = 0;

  using stack = new DisposableStack();
  const opened = await Promise.all(
    Array.from({ length: connections }, () =>
      openLoadConnection(spec, (count) => {
        now = performance.now();
        if (now >= from && now < until) frames += count;
      }),
    ),
  );
  for (const connection of opened) stack.use(connection);
  const spacingMs = ratePerSecond === null ? 0 : (connections * 1_000) / ratePerSecond;
  await Promise.all(opened.map((connection, index) => work(connection, (index / connections) * spacingMs)));
  return {
    requests,
    failed,
    failures,
    measured: {
      seconds: measureMs / 1_000,
      requests: latencies.length,
      frames,
      latencyMs: latencies.length > 0 ? spreadOf(latencies) : null,
      firstTokenMs: firstTokens.length > 0 ? spreadOf(firstTokens) : null,
    },
  };

  async function work(connection: LoadConnection, offsetMs: number): Promise<void> {
    for (let due = startedAt + offsetMs; ; due += spacingMs) {
      const early = due - performance.now();
      if (spacingMs > 0 && early > 0) await sleep(early);
      // At a rate, what an answer delayed counts from when its request was due; a late timer of ours does not.
      const askedAt = spacingMs > 0 && early <= 0 ? due : performance.now();
      if (performance.now() >= until) return;
      const { failure, firstTokenAt, endedAt } = await connection.ask();
      requests += 1;
      if (failure !== null) {
        failed += 1;
        if (failures.length < failuresTold) failures.push(failure);
        if (failure === 'the connection was closed') return;
        await sleep(10); // refusals are no load
        continue;
      }
      if (endedAt < from || endedAt >= until) continue;
      latencies.push(endedAt - askedAt);
      if (firstTokenAt !== null) firstTokens.push(firstTokenAt - askedAt);
    }
  }
}
