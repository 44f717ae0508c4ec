import type { InferenceJob } from '../contracts/inference-job.ts';
import type { RequestId } from '../ids.ts';

/** Where admitted requests wait: each in the queue that `queueOfJob` says, by its alias and its lane. */
export interface JobQueue extends AsyncDisposable {
  /**
   * Durable once resolved; the same requestId twice is one job.
   * @throws GatewayError dependency_unavailable when the queue does not answer within its time limit
   */
  enqueue(job: InferenceJob): Promise<void>;

  /** @returns true: the job was waiting and will never run. false: a worker has or had it, or it is unknown. */
  withdraw(queue: string, requestId: RequestId): Promise<boolean>;

  /** Whether a job waits or runs. false: it is over, was withdrawn, or was lost. */
  has(queue: string, requestId: RequestId): Promise<boolean>;

  /** Jobs waiting in one queue, not counting running ones. */
  depth(queue: string): Promise<number>;

  /** Resolves when the queue answers. @throws when it does not within its time limit. */
  ping(): Promise<void>;
}

/** The worker's end of the queue. */
export interface JobSource extends AsyncDisposable {
  /**
   * Runs `handler` for each job of the queues, at most `concurrency` at a time per queue: one for all, or each one's.
   * The job is acknowledged when the handler resolves. When it rejects, or the process dies, the job is delivered
   * again: to another worker within 5 s of a death. Disposing the result stops taking jobs and waits for running ones.
   */
  consume(
    queues: readonly string[],
    options: { concurrency: number | ((queue: string) => number) },
    handler: (delivery: JobDelivery) => Promise<void>,
  ): Promise<JobConsumer>;

  ping(): Promise<void>;
}

export interface JobConsumer extends AsyncDisposable {
  /**
   * From now on so many of the queue's jobs run at a time; unknown queues are ignored. A lower number stops nothing that
   * runs. A higher one counts within half a second, whether a job ends or not.
   *
   * @param concurrency an integer of at least 1
   */
  setConcurrency(queue: string, concurrency: number): void;
}

/** The locks of jobs last longer; the rest is for what a worker does with what it has learnt. */
export const journalHoldsMs = 2_000;

export interface JobDelivery {
  readonly job: InferenceJob;
  /** 1 for the first worker that gets the job, higher for each later one: the fencing number. */
  readonly attempt: number;
  /** Aborts when this worker no longer holds the job: another may have it. */
  readonly signal: AbortSignal;
  /**
   * Writes a line that outlives this worker and goes with the job: whoever takes the job over reads it. The line
   * leaves the process before any frame that is published after it, and is stored when the promise resolves. A
   * handler need not wait for its last line.
   *
   * Fenced: a line of a worker that no longer holds the job is not stored, and `signal` aborts. So whoever reads the
   * journal as a later attempt has all the lines that an earlier one was told are stored. A stored line holds the job
   * for `journalHoldsMs` from when it was sent.
   * @throws when the line may not be stored
   */
  journal(line: string): Promise<void>;
  /** All lines of all attempts, oldest first. */
  readJournal(): Promise<string[]>;
}
