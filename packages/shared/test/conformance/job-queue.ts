import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { laneQueue, laneQueues } from '../../src/contracts/lane-queue.ts';
import type { JobDelivery, JobQueue, JobSource } from '../../src/ports/job-queue.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { sampleJob } from './sample-job.ts';

export interface JobQueueParts extends AsyncDisposable {
  readonly queue: JobQueue;
  /** Two sources, as two workers have. */
  readonly sources: readonly [JobSource, JobSource];
  /** Takes the lock of a running job away, as time does from a worker that stands still. */
  loseLock(queue: string, requestId: string): Promise<void>;
}

/** What every adapter of the job queue promises. `open` may share a server: aliases are unique per test. */
export function jobQueueConformance(name: string, open: () => Promise<JobQueueParts>): void {
  const fresh = () => `alias-${randomUUID()}`;

  test(`${name} queue: a job arrives whole, once, as attempt 1`, async () => {
    await using parts = await open();
    const alias = fresh();
    const job = sampleJob({ alias });
    const seen: JobDelivery[] = [];
    // A queue knows its jobs while it has them: the first must not end before it comes again.
    const queuedAgain = Promise.withResolvers<void>();
    const take = async (delivery: JobDelivery) => {
      seen.push(delivery);
      await queuedAgain.promise;
    };
    await using _first = await parts.sources[0].consume([alias], { concurrency: 4 }, take);
    await using _second = await parts.sources[1].consume([alias], { concurrency: 4 }, take);
    await parts.queue.enqueue(job);
    await parts.queue.enqueue(job);
    queuedAgain.resolve();
    const last = sampleJob({ alias });
    await parts.queue.enqueue(last);
    await waitUntil(() => seen.some((delivery) => delivery.job.requestId === last.requestId), { what: 'the last job' });
    const copies = seen.filter((delivery) => delivery.job.requestId === job.requestId);
    assert.equal(copies.length, 1);
    assert.deepEqual(copies[0]?.job, job);
    assert.equal(copies[0]?.attempt, 1);
  });

  test(`${name} queue: a job waits in the queue that it names, together with other aliases`, async () => {
    await using parts = await open();
    const queue = `${fresh()}/*`;
    const jobs = [fresh(), fresh()].map((alias) => sampleJob({ alias, queue }));
    const withdrawn = sampleJob({ alias: fresh(), queue });
    for (const job of [...jobs, withdrawn]) await parts.queue.enqueue(job);
    assert.equal(await parts.queue.depth(queue), 3);
    assert.equal(await parts.queue.depth(withdrawn.alias), 0);
    assert.equal(await parts.queue.withdraw(queue, withdrawn.requestId), true);
    const seen: string[] = [];
    await using _ = await parts.sources[0].consume([queue], { concurrency: 1 }, async ({ job }) => {
      seen.push(job.alias);
    });
    await waitUntil(() => seen.length === 2, { what: 'both jobs' });
    assert.deepEqual(
      seen,
      jobs.map(({ alias }) => alias),
    );
  });

  test(`${name} queue: a batch job waits in the queue of its lane, in nobody's way`, async () => {
    await using parts = await open();
    const alias = fresh();
    const batchQueue = laneQueue(alias, 'batch');
    const turn = { flow: 'team:a', weight: 1, lane: 'batch', priority: 128 } as const;
    const jobs = Array.from({ length: 3 }, () => sampleJob({ alias, turn }));
    for (const job of jobs) await parts.queue.enqueue(job);
    assert.deepEqual([await parts.queue.depth(alias), await parts.queue.depth(batchQueue)], [0, 3]);
    const held = Promise.withResolvers<void>();
    let taken = 0;
    await using _ = await parts.sources[0].consume(laneQueues([alias]), { concurrency: 1 }, async ({ job }) => {
      taken += 1;
      if (job.turn?.lane === 'batch') await held.promise;
    });
    await waitUntil(() => taken === 1, { what: 'the first batch job' });
    await parts.queue.enqueue(sampleJob({ alias }));
    await waitUntil(() => taken === 2, { what: 'the interactive job, though the batch lane has all its places taken' });
    held.resolve();
    await waitUntil(() => taken === 4, { what: 'the others' });
  });

  test(`${name} queue: a job is there while it waits and runs, and not before, after, or when it was withdrawn`, async () => {
    await using parts = await open();
    const alias = fresh();
    const [job, withdrawn] = [sampleJob({ alias }), sampleJob({ alias })];
    assert.equal(await parts.queue.has(alias, job.requestId), false);
    await parts.queue.enqueue(job);
    await parts.queue.enqueue(withdrawn);
    assert.equal(await parts.queue.has(alias, job.requestId), true);
    await parts.queue.withdraw(alias, withdrawn.requestId);
    assert.equal(await parts.queue.has(alias, withdrawn.requestId), false);
    const running = Promise.withResolvers<void>();
    await using _ = await parts.sources[0].consume([alias], { concurrency: 1 }, () => running.promise);
    await waitUntil(async () => (await parts.queue.depth(alias)) === 0, { what: 'the job to run' });
    assert.equal(await parts.queue.has(alias, job.requestId), true);
    running.resolve();
    await waitUntil(async () => !(await parts.queue.has(alias, job.requestId)), { what: 'the job to be over' });
  });

  test(`${name} queue: a rejected job comes again with a higher attempt and the journal of the earlier one`, async () => {
    await using parts = await open();
    const alias = fresh();
    const attempts: { attempt: number; journal: string[] }[] = [];
    await using _ = await parts.sources[0].consume([alias], { concurrency: 1 }, async (delivery) => {
      attempts.push({ attempt: delivery.attempt, journal: await delivery.readJournal() });
      await delivery.journal(`attempt ${delivery.attempt} began`);
      if (attempts.length < 3) throw new Error('not yet');
    });
    await parts.queue.enqueue(sampleJob({ alias }));
    await waitUntil(() => attempts.length === 3, { what: 'the third attempt', deadlineMs: 15_000 });
    const numbers = attempts.map(({ attempt }) => attempt);
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
      'attempts grow',
    );
    assert.deepEqual(attempts[0]?.journal, []);
    assert.deepEqual(attempts[2]?.journal, [`attempt ${numbers[0]} began`, `attempt ${numbers[1]} began`]);
  });

  test(`${name} queue: a worker that has lost its job writes nothing into the journal any more`, async () => {
    await using parts = await open();
    const alias = fresh();
    const deliveries: JobDelivery[] = [];
    const ends: (() => void)[] = [];
    const hold = (delivery: JobDelivery) => {
      deliveries.push(delivery);
      return new Promise<void>((resolve) => ends.push(resolve));
    };
    await using _ = await parts.sources[0].consume([alias], { concurrency: 1 }, hold);
    await using _other = await parts.sources[1].consume([alias], { concurrency: 1 }, hold);
    const job = sampleJob({ alias });
    await parts.queue.enqueue(job);
    await waitUntil(() => deliveries.length === 1, { what: 'the first attempt' });
    await deliveries[0]?.journal('in time');
    await parts.loseLock(alias, job.requestId);
    await waitUntil(() => deliveries.length === 2, { what: 'the second attempt', deadlineMs: 15_000 });
    await assert.rejects(async () => deliveries[0]?.journal('too late'));
    assert.equal(deliveries[0]?.signal.aborted, true);
    await deliveries[1]?.journal('taken over');
    assert.deepEqual(await deliveries[1]?.readJournal(), ['in time', 'taken over']);
    for (const end of ends) end();
    await waitUntil(async () => !(await parts.queue.has(alias, job.requestId)), { what: 'the end' });
  });

  test(`${name} queue: of lines that many jobs write at once, each is told of its own`, async () => {
    await using parts = await open();
    const alias = fresh();
    const deliveries: JobDelivery[] = [];
    const ended = Promise.withResolvers<void>();
    const count = 70;
    await using _ = await parts.sources[0].consume([alias], { concurrency: count }, async (delivery) => {
      deliveries.push(delivery);
      await ended.promise;
    });
    const jobs = Array.from({ length: count }, () => sampleJob({ alias }));
    for (const job of jobs) await parts.queue.enqueue(job);
    await waitUntil(() => deliveries.length === count, { what: 'all jobs' });
    const [lost] = deliveries;
    if (lost) await parts.loseLock(alias, lost.job.requestId);
    const written = await Promise.allSettled(deliveries.map((each) => each.journal(`of ${each.job.requestId}`)));
    assert.deepEqual(
      written.map(({ status }) => status),
      deliveries.map((delivery) => (delivery === lost ? 'rejected' : 'fulfilled')),
    );
    for (const each of deliveries) {
      const isLost = each === lost;
      assert.deepEqual(await each.readJournal(), isLost ? [] : [`of ${each.job.requestId}`]);
      assert.equal(each.signal.aborted, isLost);
    }
    ended.resolve();
  });

  test(`${name} queue: a withdrawn job never runs; a running one cannot be withdrawn`, async () => {
    await using parts = await open();
    const alias = fresh();
    const [waiting, running] = [sampleJob({ alias }), sampleJob({ alias })];
    await parts.queue.enqueue(waiting);
    assert.equal(await parts.queue.depth(alias), 1);
    assert.equal(await parts.queue.withdraw(alias, waiting.requestId), true);
    assert.equal(await parts.queue.withdraw(alias, waiting.requestId), false, 'it is gone');
    assert.equal(await parts.queue.depth(alias), 0);

    await parts.queue.enqueue(running);
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const seen: string[] = [];
    await using _ = await parts.sources[0].consume([alias], { concurrency: 2 }, async ({ job }) => {
      seen.push(job.requestId);
      started.resolve();
      await finish.promise;
    });
    await started.promise;
    assert.equal(await parts.queue.withdraw(alias, running.requestId), false);
    finish.resolve();
    await waitUntil(async () => (await parts.queue.depth(alias)) === 0, { what: 'an empty line' });
    assert.equal(await parts.queue.withdraw(alias, running.requestId), false, 'what is done cannot be withdrawn');
    assert.deepEqual(seen, [running.requestId]);
  });

  test(`${name} queue: closing a consumer waits for what it runs and takes nothing new`, async () => {
    await using parts = await open();
    const alias = fresh();
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const done: string[] = [];
    const consumer = await parts.sources[0].consume([alias], { concurrency: 1 }, async ({ job }) => {
      started.resolve();
      await finish.promise;
      done.push(job.requestId);
    });
    const first = sampleJob({ alias });
    await parts.queue.enqueue(first);
    await started.promise;
    const closing = consumer[Symbol.asyncDispose]();
    await parts.queue.enqueue(sampleJob({ alias }));
    finish.resolve();
    await closing;
    assert.deepEqual(done, [first.requestId]);
    assert.equal(await parts.queue.depth(alias), 1, 'the second job still waits');
  });

  test(`${name} queue: at most \`concurrency\` jobs of a line run at once`, async () => {
    await using parts = await open();
    const alias = fresh();
    let running = 0;
    let most = 0;
    let finished = 0;
    await using _ = await parts.sources[0].consume([alias], { concurrency: 3 }, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      finished += 1;
    });
    await Promise.all(Array.from({ length: 20 }, () => parts.queue.enqueue(sampleJob({ alias }))));
    await waitUntil(() => finished === 20, { what: 'all jobs', deadlineMs: 15_000 });
    assert.ok(most <= 3, `${most} ran at once`);
  });

  test(`${name} queue: how many jobs run at once can be changed while they run, for each queue`, async () => {
    await using parts = await open();
    const [changed, other] = [fresh(), fresh()];
    const running = new Map<string, (() => void)[]>([changed, other].map((alias) => [alias, []]));
    const count = (alias: string) => running.get(alias)?.length ?? 0;
    const finish = (alias: string) => running.get(alias)?.shift()?.();
    let isOver = false;
    const finishAll = (alias: string) => {
      isOver = true;
      while (count(alias) > 0) finish(alias);
    };
    await using consumer = await parts.sources[0].consume(
      [changed, other],
      { concurrency: (queue) => (queue === changed ? 2 : 1) },
      async ({ job }) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        running.get(job.alias)?.push(resolve);
        if (!isOver) await promise;
      },
    );
    using _ended = { [Symbol.dispose]: () => [...running.keys()].forEach((alias) => finishAll(alias)) };
    const aliases = [...Array.from({ length: 16 }, () => changed), other, other];
    await Promise.all(aliases.map((alias) => parts.queue.enqueue(sampleJob({ alias }))));
    await waitUntil(() => count(changed) === 2 && count(other) === 1, { what: 'the first concurrency' });

    consumer.setConcurrency(changed, 5);
    consumer.setConcurrency('unknown', 5);
    await waitUntil(() => count(changed) === 5, { what: 'the higher concurrency, though no job ends' });
    assert.equal(count(other), 1);

    consumer.setConcurrency(changed, 1);
    assert.equal(count(changed), 5, 'what runs is not stopped');
    for (let ended = 0; ended < 5; ended += 1) finish(changed);
    await waitUntil(() => count(changed) === 1, { what: 'the lower concurrency' });
    assert.equal(await parts.queue.depth(changed), 16 - 6);
    for (let ended = 0; ended < 10; ended += 1) {
      finish(changed);
      await waitUntil(() => ended === 9 || count(changed) > 0, { what: 'the next job' });
      assert.ok(count(changed) <= 1, 'one at a time');
    }
    finish(other);
    await waitUntil(() => count(other) === 1, { what: "the other queue's second job" });
    finish(other);
  });
}
