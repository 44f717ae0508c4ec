import type { Job } from 'bullmq';
import { InferenceJob } from '../../contracts/inference-job.ts';
import { queueNameOf } from '../../contracts/subjects.ts';
import type { JobDelivery, JobSource } from '../../ports/job-queue.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { locks } from './backend.ts';
import type { BullBackend, BullQueue, BullWorker } from './backend.ts';

/**
 * Seconds. Word of a new job goes to the worker that has waited longest, which may be one that is frozen: the others
 * hear of it when their own wait ends (BullMQ's default: 5 s).
 */
const drainDelay = 0.5;

/**
 * How often a job may be taken over is decided by the handler, which closes the books on it. BullMQ would drop it
 * silently, so its own bound is out of reach.
 */
const maxStalledCount = 1_000_000;

/** By then, a worker whose jobs end all the time has seen its new concurrency by itself. */
const wakeMs = 100;

const pingTimeLimitMs = 900;

export interface JobSourceOptions {
  /**
   * Queues that are worked on only once they are used, since each takes a connection: resolves then. Those that hold
   * jobs already need not be told. null: from the start. Absent: all are.
   */
  readonly whenUsed?: (queue: string) => Promise<void> | null;
  /** Of a queue that could not be worked on after that. */
  readonly onError?: (error: unknown) => void;
}

/** @param backend stays the caller's to close */
export function openBullJobSource(backend: BullBackend, options: JobSourceOptions = {}): JobSource {
  const { whenUsed = () => null, onError = () => undefined } = options;
  const queues = new Map<string, BullQueue>();
  const queueFor = (name: string): BullQueue => {
    const known = queues.get(name);
    if (known) return known;
    const opened = backend.newQueue(name);
    queues.set(name, opened);
    return opened;
  };

  return {
    async consume(queueNames, { concurrency }, handler) {
      const concurrencyOf = typeof concurrency === 'number' ? () => concurrency : concurrency;
      const takings = new Map(
        queueNames.map((queue) => [queue, newTaking(queueNameOf(queue), concurrencyOf(queue), handler)]),
      );
      const opened = [...takings].map(async ([queue, taking]) => {
        const use = whenUsed(queue);
        if (use === null || (await hasJobs(queueNameOf(queue)))) return taking.open();
        void use.then(() => taking.open()).catch(onError);
      });
      await Promise.all(opened);
      return {
        setConcurrency(queue, atATime) {
          takings.get(queue)?.setConcurrency(atATime);
        },
        async [Symbol.asyncDispose]() {
          await Promise.all([...takings.values()].map((taking) => taking.close()));
        },
      };
    },
    async ping() {
      const [any] = queues.values();
      await withTimeLimit('queue', pingTimeLimitMs, (any ?? queueFor('ping')).getWaitingCount());
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };

  async function hasJobs(name: string): Promise<boolean> {
    return (await queueFor(name).getJobCountByTypes('waiting', 'prioritized', 'delayed', 'active')) > 0;
  }

  /** A queue whose worker may come later. */
  function newTaking(name: string, concurrency: number, handler: (delivery: JobDelivery) => Promise<void>) {
    let atATime = concurrency;
    let taker: JobTaker | null = null;
    let isClosed = false;
    return {
      async open(): Promise<void> {
        if (isClosed) return;
        taker = openWorker(name, atATime, handler);
        await taker.worker.waitUntilReady();
      },
      setConcurrency(most: number): void {
        atATime = most;
        taker?.setConcurrency(most);
      },
      async close(): Promise<void> {
        isClosed = true;
        await taker?.close();
      },
    };
  }

  function openWorker(name: string, concurrency: number, handler: (delivery: JobDelivery) => Promise<void>): JobTaker {
    const queue = queueFor(name);
    const held = new Map<string, AbortController>();
    const process = async (job: Job): Promise<void> => {
      const lost = new AbortController();
      const id = job.id ?? '';
      let noted = null as Promise<boolean> | null;
      held.set(id, lost);
      try {
        await handler({
          job: InferenceJob.parse(job.data),
          // BullMQ counts it up in the same step that hands the job out: no two deliveries share one.
          attempt: job.attemptsStarted,
          signal: lost.signal,
          async journal(line) {
            const stored = backend.writeLog(name, job, line);
            noted = stored;
            if (await stored) return;
            lost.abort(overtaken());
            throw overtaken();
          },
          readJournal: async () => (await queue.getJobLogs(id)).logs,
        });
      } finally {
        // Else a line could come after the end of the job that it belongs to.
        await noted?.catch(() => undefined);
        held.delete(id);
      }
    };
    const worker = backend.newWorker(name, process, {
      concurrency,
      maxStalledCount,
      ...locks,
      drainDelay,
      // What waits to be retried is Redis being away; it should notice soon that it is back.
      runRetryDelay: 500,
    });
    worker.on('lockRenewalFailed', (ids: string[]) => {
      for (const id of ids) held.get(id)?.abort(overtaken());
    });
    let waking: NodeJS.Timeout | null = null;
    return {
      worker,
      setConcurrency(atATime) {
        const isMore = atATime > worker.concurrency;
        worker.concurrency = atATime;
        if (isMore) waking ??= setTimeout(wake, wakeMs);
      },
      async close() {
        clearTimeout(waking ?? undefined);
        await worker.close();
      },
    };

    /**
     * A worker that has as many jobs as it may looks at its concurrency when one of them ends. Resuming makes it look
     * now. Never without a job: a worker that is paused and has none would end its loop.
     */
    function wake(): void {
      waking = null;
      if (held.size === 0 || held.size >= worker.concurrency) return;
      worker
        .pause(true)
        .then(() => worker.resume())
        .catch(() => undefined); // it emits what goes wrong
    }
  }
}

/** A worker of one queue. */
interface JobTaker {
  readonly worker: BullWorker;
  setConcurrency(atATime: number): void;
  close(): Promise<void>;
}

function overtaken(): Error {
  return new Error('another worker may have this job now');
}
