import { createPostgresBackend, isPgPool, Queue, runMigrations, Worker, withBackend } from 'bullmq';
import type { Job, JobsOptions, Processor, WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import type { Result } from 'ioredis';
import { Pool } from 'pg';
import { writeAtEndOfTurn } from '../end-of-turn.ts';
import { TurnGatherer } from '../turn-gatherer.ts';

/** What the queue adapters need of BullMQ, whichever database it stands on. */
export interface BullBackend extends AsyncDisposable {
  newQueue(name: string): BullQueue;
  newWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): BullWorker;
  /**
   * Writes a line to the log of a job of the queue `name` while its worker holds the job.
   * @returns false: it does not, and the line is not written
   */
  writeLog(name: string, job: Job, line: string): Promise<boolean>;
}

/** BullMQ's `Queue`, whose full type differs from database to database. */
export interface BullQueue {
  add(name: string, data: unknown, options: JobsOptions): Promise<unknown>;
  getJob(jobId: string): Promise<{ attemptsStarted: number } | undefined>;
  /** `unknown`: there is no such job. */
  getJobState(jobId: string): Promise<string>;
  /** 0: locked by the worker that runs it. 1: gone, or never there. */
  remove(jobId: string): Promise<number>;
  getJobCountByTypes(...types: ('waiting' | 'prioritized' | 'delayed' | 'active')[]): Promise<number>;
  getWaitingCount(): Promise<number>;
  getJobLogs(jobId: string): Promise<{ logs: string[] }>;
  close(): Promise<void>;
}

/** BullMQ's `Worker`, likewise. */
export interface BullWorker {
  /** Looked at when a job ends, and when the worker is resumed. */
  concurrency: number;
  /** true: without waiting for what runs. */
  pause(doNotWaitActive: true): Promise<void>;
  resume(): Promise<void>;
  waitUntilReady(): Promise<void>;
  on(event: 'lockRenewalFailed', listener: (jobIds: string[]) => void): unknown;
  close(): Promise<void>;
}

/**
 * The queue name is in braces: all keys of an alias lie in one slot of a Redis Cluster. BullMQ writes an event for
 * each step of a job; nobody reads them here, so few are kept.
 */
const prefix = 'sluice';

/** What the keys of a queue begin with, on Redis. */
export const redisKeysOf = (name: string) => `${prefix}:{${name}}:`;

/**
 * The lock of a job that another worker has, or that is over, is not this worker's. BullMQ's own log takes lines from
 * anybody. A stored line renews the lock: who learns of it soon knows that nobody else has the job.
 *
 * KEYS: lock and log, for each line. ARGV: ms of a lock; the worker's token and the line, for each line. Answers 1 for
 * each line that is written.
 */
const writeLogsScript = `
local answers = {}
for at = 1, #KEYS, 2 do
  local isHeld = redis.call('GET', KEYS[at]) == ARGV[at + 1]
  if isHeld then
    redis.call('RPUSH', KEYS[at + 1], ARGV[at + 2])
    redis.call('PEXPIRE', KEYS[at], ARGV[1])
  end
  answers[#answers + 1] = isHeld and 1 or 0
end
return answers
`;

/** Of one script. */
const linesMax = 64;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    bullWriteLogs(keys: number, ...args: (string | number)[]): Result<number[], Context>;
  }
}

/**
 * A dead worker's lock runs out after `lockDuration`; the next check, at most `stalledInterval` later, gives the job
 * to another. Together well under the 5 s that a takeover may take (BullMQ's defaults: a minute), and long enough for a
 * worker that is too busy to renew in time.
 */
export const locks = { lockDuration: 3_000, lockRenewTime: 1_000, stalledInterval: 500 };

const streams = { events: { maxLen: 100 } };

/** BullMQ on Redis. Connections come back by themselves. */
export function openRedisBackend({ url, onError }: { url: string; onError: (error: Error) => void }): BullBackend {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', onError);
  redis.on('connect', () => writeAtEndOfTurn(redis.stream));
  redis.defineCommand('bullWriteLogs', { lua: writeLogsScript });
  /** By queue: its keys lie in one slot. */
  const journals = new Map<string, TurnGatherer<JournalLine, readonly number[]>>();
  return {
    newQueue: (name) => watched(new Queue(`{${name}}`, { prefix, streams, connection: redis }), onError),
    newWorker: (name, processor, options) =>
      watched(new Worker(`{${name}}`, processor, { ...options, prefix, connection: redis }), onError),
    async writeLog(name, { id = '', token = '' }, line) {
      const journal = journals.get(name) ?? openJournal(name);
      const { answer, position } = journal.add({ key: `${redisKeysOf(name)}${id}`, token, line });
      return (await answer)[position] === 1;
    },
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  };

  function openJournal(name: string): TurnGatherer<JournalLine, readonly number[]> {
    const journal = new TurnGatherer<JournalLine, readonly number[]>(linesMax, (lines) => {
      const keys = lines.flatMap(({ key }) => [`${key}:lock`, `${key}:logs`]);
      const written = lines.flatMap(({ token, line }) => [token, line]);
      return redis.bullWriteLogs(keys.length, ...keys, locks.lockDuration, ...written);
    });
    journals.set(name, journal);
    return journal;
  }
}

interface JournalLine {
  /** The job's. */
  readonly key: string;
  /** Of the worker that holds the job. */
  readonly token: string;
  readonly line: string;
}

/**
 * BullMQ on PostgreSQL, in the schema `bullmq`, which it creates and migrates.
 * @param connections the size of the pool: every worker keeps one of them to wait for jobs with
 */
export async function openPostgresBackend(options: {
  url: string;
  connections: number;
  onError: (error: Error) => void;
}): Promise<BullBackend> {
  const classes = withBackend(createPostgresBackend);
  let isClosed = false;
  const onError = onceEach((error) => {
    if (!isClosed) options.onError(error); // what goes with its server after us is no failure of it
  });
  const pool = new Pool({
    connectionString: options.url,
    max: options.connections,
    // A commit that a crash of the machine may lose costs a request whose client is gone too; the books, which do not
    // stand on this pool, wait for the disk.
    options: '-c search_path=bullmq -c synchronous_commit=off',
    application_name: 'sluice-queue',
    keepAlive: true,
  });
  pool.on('error', onError);
  pool.setMaxListeners(0); // every queue and worker listens too
  const shared: unknown = pool;
  if (!isPgPool(shared)) throw new Error('pg.Pool is not what BullMQ takes for one');
  const client = await pool.connect();
  try {
    await runMigrations(client, 'bullmq');
  } finally {
    client.release();
  }
  return {
    newQueue: (name) => watched(new classes.Queue(name, { connection: shared }), onError),
    newWorker: (name, processor, workerOptions) =>
      watched(new classes.Worker(name, processor, { ...workerOptions, connection: shared }), onError),
    // Two steps: a lock that is renewed first holds for longer than the second one may take.
    async writeLog(_name, job, line) {
      if ((await job.extendLock(job.token ?? '', locks.lockDuration)) !== 1) return false;
      await job.log(line);
      return true;
    },
    [Symbol.asyncDispose]: () => {
      isClosed = true;
      return pool.end();
    },
  };
}

/** A broken connection is told by the pool, and again by every queue and worker on it. */
function onceEach(onError: (error: Error) => void): (error: Error) => void {
  const told = new WeakSet<Error>();
  return (error) => {
    if (told.has(error)) return;
    told.add(error);
    onError(error);
  };
}

function watched<T extends { on(event: 'error', listener: (error: Error) => void): unknown }>(
  part: T,
  onError: (error: Error) => void,
): T {
  part.on('error', onError);
  return part;
}
