import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { laneQueue } from '@sluice/shared/contracts/lane-queue.ts';
import { createMemoryTokenBus } from '@sluice/shared/adapters/memory/memory-token-bus.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import type { JobDelivery, JobSource } from '@sluice/shared/ports/job-queue.ts';
import type { CancelOptions } from '@sluice/shared/ports/token-bus.ts';
import { ProviderError } from '../src/providers/provider.ts';
import type { Provider, ProviderEvent } from '../src/providers/provider.ts';
import { openWorker } from '../src/worker.ts';
import { accepted, finish, Recording, text, usage } from './pipeline/recording-deps.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';

/**
 * A worker on a queue, a provider and a clock that the test moves. `finish` lets the oldest call end; a call that is
 * stopped ends by itself.
 */
async function openTestWorker({
  onClientGone = 'stop',
  startedAt = 0,
  failing = false,
}: { onClientGone?: 'stop' | 'finish'; startedAt?: number; failing?: boolean } = {}) {
  const bus = createMemoryTokenBus();
  const { deps, booked, cooldownStore } = new Recording();
  const calls: { finish: () => void; signal: AbortSignal }[] = [];
  const running = { now: 0, started: 0 };
  let handler: ((delivery: JobDelivery) => Promise<void>) | undefined;
  const handed: Promise<void>[] = [];
  const taken: { aliases: readonly string[]; concurrency: number[] }[] = [];
  const source: JobSource = {
    async consume(aliases, { concurrency }, run) {
      taken.push({
        aliases,
        concurrency: aliases.map((alias) => (typeof concurrency === 'number' ? concurrency : concurrency(alias))),
      });
      handler = run;
      return {
        setConcurrency: () => {},
        [Symbol.asyncDispose]: async () => {
          handler = undefined;
          await Promise.allSettled(handed);
        },
      };
    },
    ping: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const provider: Provider = {
    async *chat(_call, signal): AsyncGenerator<readonly ProviderEvent[]> {
      const finished = Promise.withResolvers<void>();
      calls.push({ finish: finished.resolve, signal });
      if (!failing) yield [accepted, text('Hello')];
      await Promise.race([finished.promise, once(signal, 'abort')]);
      signal.throwIfAborted();
      if (failing) throw new ProviderError('provider_failed', 'It failed.', { status: 500, mayBeBilled: false });
      yield [finish, usage(1, 1)];
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const worker = await openWorker({
    ...deps,
    startedAt,
    config: { ...deps.config, sluice: { ...deps.config.sluice, onClientGone, workerConcurrency: 4 } },
    cooldownStore,
    source,
    bus,
    now: Date.now,
    providers: { oci: provider, openai: provider, anthropic: provider },
    metrics: {
      ...deps.metrics,
      jobStarted: () => {
        running.now += 1;
        running.started += 1;
      },
      jobEnded: () => void (running.now -= 1),
    },
  });
  const lines: string[] = [];
  return {
    bus,
    booked,
    calls,
    running,
    taken,
    worker,
    newJob(changes: Partial<InferenceJob> = {}): InferenceJob {
      return new Recording({ job: { admittedAt: Date.now(), deadlineAt: Date.now() + 60_000, ...changes } }).job;
    },
    /** Hands a job to the worker, as the queue does. */
    hand(job: InferenceJob, { attempt = 1, signal = new AbortController().signal } = {}): Promise<void> {
      assert.ok(handler, 'the worker takes jobs');
      const journal = async (line: string) => void lines.push(line);
      const done = handler({ job, attempt, signal, journal, readJournal: async () => [...lines] });
      done.catch(() => undefined);
      handed.push(done);
      return done;
    },
    cancel: ({ requestId }: InferenceJob, options?: CancelOptions): void => void bus.cancel(requestId, options),
    /** Resolves when a cancel sent now has reached everybody. */
    async cancelsHeard(): Promise<void> {
      const heard = Promise.withResolvers<void>();
      const last = RequestId.parse('nobody-cares');
      await using _ = await bus.onCancel((requestIds) => requestIds.includes(last) && heard.resolve());
      await bus.cancel(last);
      await heard.promise;
    },
    outcomes: () => [...booked.values()].map(({ outcome, error }) => `${outcome} ${error?.code ?? ''}`.trim()),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

test('worker: takes the jobs of every alias, and counts what it runs', async () => {
  await using it = await openTestWorker();
  assert.deepEqual(it.taken, [{ aliases: ['sample', laneQueue('sample', 'batch')], concurrency: [4, 4] }]);
  const done = [it.hand(it.newJob()), it.hand(it.newJob())];
  await waitUntil(() => it.calls.length === 2, { what: 'both calls' });
  assert.equal(it.running.now, 2);
  for (const { finish: end } of it.calls) end();
  await Promise.all(done);
  assert.deepEqual(it.running, { now: 0, started: 2 });
  assert.deepEqual(it.outcomes(), ['completed', 'completed']);
});

test('worker: a cancel stops a running job, and no other', async () => {
  await using it = await openTestWorker();
  const [gone, stays] = [it.newJob(), it.newJob()];
  const done = [it.hand(gone), it.hand(stays)];
  await waitUntil(() => it.calls.length === 2, { what: 'both calls' });
  it.cancel(gone);
  await done[0];
  assert.deepEqual(it.outcomes(), ['cut client_gone']);
  assert.equal(it.calls[1]?.signal.aborted, false);
  it.calls[1]?.finish();
  await done[1];
});

test('worker: with on_client_gone: finish, a running call goes on and is booked as completed; a waiting one is not made', async () => {
  await using it = await openTestWorker({ onClientGone: 'finish' });
  const [running, waiting] = [it.newJob(), it.newJob()];
  const done = it.hand(running);
  await waitUntil(() => it.calls.length === 1, { what: 'the call' });
  it.cancel(running);
  it.cancel(waiting);
  await it.cancelsHeard();
  await it.hand(waiting);
  assert.equal(it.calls[0]?.signal.aborted, false);
  it.calls[0]?.finish();
  await done;
  assert.equal(it.calls.length, 1);
  assert.deepEqual(it.outcomes().toSorted(), ['completed', 'failed client_gone']);
});

test('worker: a cancel that spares calls: one that runs goes on, one that waits for its turn is not made', async () => {
  await using it = await openTestWorker();
  const runs = Array.from({ length: 4 }, () => it.newJob());
  const waits = it.newJob();
  const done = runs.map((job) => it.hand(job));
  await waitUntil(() => it.calls.length === 4, { what: 'as many calls as there may be' });
  const waited = it.hand(waits);
  await waitUntil(() => it.running.now === 5, { what: 'one more job' });
  for (const job of [...runs, waits]) it.cancel(job, { unlessCalled: true });
  await waited;
  assert.deepEqual(it.outcomes(), ['failed client_gone']);
  for (const { finish: end } of it.calls) end();
  await Promise.all(done);
  assert.equal(it.calls.length, 4);
  assert.deepEqual(it.outcomes().toSorted(), [...Array.from({ length: 4 }, () => 'completed'), 'failed client_gone']);
});

for (const [what, onClientGone, options] of [
  ['with on_client_gone: finish', 'finish', {}],
  ['when calls are spared', 'stop', { unlessCalled: true }],
] as const) {
  test(`worker: a call that fails after nobody waits for it any more is not tried again, ${what}`, async () => {
    await using it = await openTestWorker({ onClientGone, failing: true });
    const job = it.newJob({ numRetries: 3 });
    const done = it.hand(job);
    await waitUntil(() => it.calls.length === 1, { what: 'the call' });
    it.cancel(job, options);
    await it.cancelsHeard();
    it.calls[0]?.finish();
    await done;
    assert.equal(it.calls.length, 1);
    assert.deepEqual(it.outcomes(), ['failed client_gone']);
  });
}

test('worker: a cancel that overtakes its job is remembered', async () => {
  await using it = await openTestWorker();
  const job = it.newJob();
  it.cancel(job);
  await it.cancelsHeard();
  await it.hand(job);
  assert.equal(it.calls.length, 0);
  assert.deepEqual(it.outcomes(), ['failed client_gone']);
});

test('worker: of an earlier process, only jobs whose answer is kept are called for', async () => {
  const startedAt = Date.now();
  await using it = await openTestWorker({ startedAt });
  const earlier = { admittedAt: startedAt - 1_000 };
  await it.hand(it.newJob(earlier));
  assert.equal(it.calls.length, 0);
  const done = it.hand(it.newJob({ ...earlier, keepAnswerAs: 'scope' }));
  await waitUntil(() => it.calls.length === 1, { what: 'the call' });
  it.calls[0]?.finish();
  await done;
  assert.deepEqual(it.outcomes(), ['failed client_gone', 'completed']);
});

test('worker: a job ends at its deadline', async () => {
  await using it = await openTestWorker();
  await it.hand(it.newJob({ deadlineAt: Date.now() + 30 }));
  assert.deepEqual(it.outcomes(), ['cut deadline_exceeded']);
});

test('worker: a lost lock stops a job, which is given back', async () => {
  await using it = await openTestWorker();
  const lock = new AbortController();
  const done = it.hand(it.newJob(), { signal: lock.signal });
  await waitUntil(() => it.calls.length === 1, { what: 'the call' });
  lock.abort();
  await assert.rejects(done);
  assert.equal(it.running.now, 0);
});

test('worker: a lock that is lost before the job starts counts as well', async () => {
  await using it = await openTestWorker();
  await assert.rejects(it.hand(it.newJob(), { signal: AbortSignal.abort() }));
  assert.equal(it.calls.length, 0);
  assert.deepEqual(it.outcomes(), []);
});

test('worker: a job that comes again stops its earlier delivery, and can still be cancelled', async () => {
  await using it = await openTestWorker();
  await using inbox = await it.bus.openInbox();
  const job = it.newJob({ stream: false, replyTo: inbox.address });
  using _ = inbox.listen(
    job.requestId,
    () => {},
    () => 'answer',
  );
  const first = it.hand(job);
  await waitUntil(() => it.calls.length === 1, { what: 'the first call' });
  const second = it.hand(job, { attempt: 2 });
  await assert.rejects(first);
  await waitUntil(() => it.calls.length === 2, { what: 'the second call' });
  it.cancel(job);
  await second;
  assert.deepEqual(it.outcomes().toSorted(), ['cut client_gone', 'cut stream_interrupted']);
});

test('worker: disposing waits for what runs', async () => {
  const it = await openTestWorker();
  const done = it.hand(it.newJob());
  await waitUntil(() => it.calls.length === 1, { what: 'the call' });
  let closed = false;
  const closing = it.worker[Symbol.asyncDispose]().then(() => (closed = true));
  await it.cancelsHeard();
  assert.equal(closed, false);
  it.calls[0]?.finish();
  await Promise.all([done, closing]);
  assert.deepEqual(it.outcomes(), ['completed']);
});
