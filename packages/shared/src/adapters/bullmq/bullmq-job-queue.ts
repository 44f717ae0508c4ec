import { queueOfJob } from '../../contracts/lane-queue.ts';
import { queueNameOf } from '../../contracts/subjects.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import { withTimeLimit } from '../../time-limit.ts';
import type { BullBackend, BullQueue } from './backend.ts';
import { newcomerPriority } from './places.ts';

/** An unreachable queue must show within the second that a client is promised its 503 in. */
const redisTimeLimitMs = 900;

/**
 * Redelivery after a handler's rejection. The handler rejects only when it could not store what a call used, so
 * the job must never be given up: the number stands for "always", the pause keeps it from spinning.
 */
const redelivery = { attempts: 1_000_000, backoff: { type: 'fixed', delay: 1_000 } };

/**
 * @param backend stays the caller's to close
 * @param options `timeLimitMs`: what a command may take; a database that also does everything else needs more.
 *   `onEnqueue`: told of the queue of each job before it is there
 */
export function openBullJobQueue(
  backend: BullBackend,
  options: { timeLimitMs?: number; onEnqueue?: (queue: string) => void } = {},
): JobQueue {
  const { timeLimitMs = redisTimeLimitMs, onEnqueue = () => undefined } = options;
  const queues = new Map<string, BullQueue>();
  const queueFor = (queue: string): BullQueue => {
    const name = queueNameOf(queue);
    const known = queues.get(name);
    if (known) return known;
    const opened = backend.newQueue(name);
    queues.set(name, opened);
    return opened;
  };
  const limited = <T>(call: Promise<T>) => withTimeLimit('queue', timeLimitMs, call);

  return {
    async enqueue(job) {
      onEnqueue(queueOfJob(job));
      const add = queueFor(queueOfJob(job)).add(job.kind, job, {
        jobId: job.requestId,
        removeOnComplete: true,
        removeOnFail: true,
        // Without a turn, among the first; with one, at the end until it is placed.
        ...(job.turn && { priority: newcomerPriority }),
        ...redelivery,
      });
      await limited(add);
    },
    async withdraw(name, requestId) {
      const queue = queueFor(name);
      // Mostly a worker has it, and then nothing of it needs to be read.
      const state = await limited(queue.getJobState(requestId));
      if (state === 'active' || state === 'unknown') return false;
      const job = await limited(queue.getJob(requestId));
      // A job that was started once has a journal, and perhaps a call to book: only a worker may end it.
      if (!job || job.attemptsStarted > 0) return false;
      return (await limited(queue.remove(requestId))) === 1;
    },
    has: async (queue, requestId) => (await limited(queueFor(queue).getJobState(requestId))) !== 'unknown',
    depth: (queue) => limited(queueFor(queue).getJobCountByTypes('waiting', 'prioritized')),
    async ping() {
      const [any] = queues.values();
      await limited((any ?? queueFor('ping')).getWaitingCount());
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
