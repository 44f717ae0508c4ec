import { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { queueOfJob } from '@sluice/shared/contracts/lane-queue.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { JobDelivery, JobQueue, JobSource } from '@sluice/shared/ports/job-queue.ts';
import { JournalLine } from '../../services/worker/src/pipeline/journal.ts';
import { Connection, Server } from './connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** As bullmq-job-source.ts has them. */
const lockMs = 3_000;
const renewalMs = 1_000;
const stalledCheckMs = 500;

const timeLimitMs = 900;
/** How long a worker's question for a job stays open. */
const askMs = 5_000;

interface QueuedJob {
  readonly queue: string;
  readonly text: string;
  readonly journal: string[];
  attempt: number;
  /** The attempt that may end it; null: it waits. */
  holder: number | null;
  lockedUntil: number;
}

interface Asking {
  readonly queue: string;
  readonly process: SimulatedProcess;
  answer(given: Given | null): void;
}

interface Given {
  readonly requestId: string;
  readonly text: string;
  readonly attempt: number;
}

/**
 * A queue with the promises of the port and the habits of BullMQ: at least once, locks that run out and are renewed by
 * their holder, a journal beside each job. What can go wrong besides: a lock is lost early (`loseLock`).
 */
export class SimulatedQueue {
  readonly server = new Server('queue');
  readonly jobs = new Map<string, QueuedJob>();
  readonly counts = { takeovers: 0, withdrawn: 0 };
  /** Calls noted while the lock held, as the port promises, that was then lost early: their worker may still make them. */
  readonly untold = new Set<CallId>();
  readonly #world: World;
  #asking: Asking[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** For ingresses. */
  clientOf(process: SimulatedProcess): JobQueue {
    const connection = new Connection(this.#world, process, this.server, timeLimitMs);
    return {
      enqueue: (job) =>
        connection.call(`enqueue ${job.requestId}`, () => {
          if (this.jobs.has(job.requestId)) return;
          const queued = { attempt: 0, holder: null, lockedUntil: 0, journal: [] };
          this.jobs.set(job.requestId, { queue: queueOfJob(job), text: JSON.stringify(job), ...queued });
          this.#giveOut();
        }),
      withdraw: (_queue, requestId) =>
        connection.call(`withdraw ${requestId}`, () => {
          const job = this.jobs.get(requestId);
          // One that was given to a worker before may have cost something.
          if (!job || job.holder !== null || job.attempt > 0) return false;
          this.counts.withdrawn += 1;
          return this.jobs.delete(requestId);
        }),
      has: (_queue, requestId) => connection.call(`has ${requestId}`, () => this.jobs.has(requestId)),
      depth: () => connection.call('depth', () => this.jobs.size),
      ping: () => connection.call('ping', () => {}),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** For workers. */
  sourceOf(process: SimulatedProcess): JobSource {
    const connection = new Connection(this.#world, process, this.server, timeLimitMs);
    return {
      consume: async (queues, { concurrency }, handler) => {
        const takers = new Map(
          queues.map((queue) => {
            const atATime = typeof concurrency === 'number' ? concurrency : concurrency(queue);
            return [queue, new Taker(this.#world, { queue, process, atATime, connection, server: this, handler })];
          }),
        );
        for (const taker of takers.values()) taker.ask();
        return {
          setConcurrency: (queue, atATime) => takers.get(queue)?.setConcurrency(atATime),
          [Symbol.asyncDispose]: async () => {},
        };
      },
      ping: () => connection.call('ping', () => {}),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** Another worker may have it at once, while the one that had it goes on. */
  loseLock(requestId: string): void {
    const job = this.jobs.get(requestId);
    if (!job || job.holder === null) return;
    if (job.lockedUntil > this.#world.time.now) this.#noteUntold(requestId, job);
    job.holder = null;
    this.#giveOut();
  }

  /** Resolves with a job as soon as there is one, or with null after a while. */
  ask(queue: string, process: SimulatedProcess): Promise<Given | null> {
    const { promise, resolve } = Promise.withResolvers<Given | null>();
    const asking: Asking = {
      queue,
      process,
      answer: (given) => {
        this.#asking = this.#asking.filter((other) => other !== asking);
        resolve(given);
      },
    };
    this.#asking.push(asking);
    const { time } = this.#world;
    time.after(askMs, time.outside, `${process.name} asked for a job of ${queue}`, () => asking.answer(null));
    this.#giveOut();
    return promise;
  }

  renew(requestId: string, attempt: number): boolean {
    const job = this.jobs.get(requestId);
    if (!job || job.holder !== attempt) return false;
    job.lockedUntil = this.#world.time.now + lockMs;
    return true;
  }

  /** @param isDone else it waits again */
  end(requestId: string, attempt: number, isDone: boolean): void {
    const job = this.jobs.get(requestId);
    if (!job || job.holder !== attempt) return;
    job.holder = null;
    if (isDone) this.jobs.delete(requestId);
    else this.#giveOut();
  }

  #giveOut(): void {
    const { random } = this.#world;
    for (;;) {
      const pairs = [...this.jobs].flatMap(([requestId, job]) =>
        job.holder === null
          ? this.#asking.filter(({ queue }) => queue === job.queue).map((asking) => ({ requestId, job, asking }))
          : [],
      );
      if (pairs.length === 0) return;
      const { requestId, job, asking } = random.pick(pairs);
      job.attempt += 1;
      job.holder = job.attempt;
      job.lockedUntil = this.#world.time.now + lockMs;
      if (job.attempt > 1) this.counts.takeovers += 1;
      this.#world.note(`${requestId} goes to ${asking.process.name} as attempt ${job.attempt}`);
      asking.answer({ requestId, text: job.text, attempt: job.attempt });
      this.#watchLock(requestId, job);
    }
  }

  #noteUntold(requestId: string, { journal }: QueuedJob): void {
    for (const text of journal) {
      const line = JournalLine.parse(JSON.parse(text));
      if (line.type === 'call') this.untold.add(callIdOf(RequestId.parse(requestId), line.call));
    }
  }

  #watchLock(requestId: string, job: QueuedJob): void {
    const { time, random } = this.#world;
    const { attempt } = job;
    const afterMs = job.lockedUntil - time.now + random.int(1, stalledCheckMs);
    time.after(afterMs, time.outside, `lock of ${requestId}`, () => {
      if (job.holder !== attempt || this.jobs.get(requestId) !== job) return;
      if (job.lockedUntil > time.now) return this.#watchLock(requestId, job);
      this.#world.note(`${requestId} has stalled`);
      this.loseLock(requestId);
    });
  }
}

interface Taking {
  readonly queue: string;
  readonly process: SimulatedProcess;
  readonly connection: Connection;
  readonly server: SimulatedQueue;
  readonly handler: (delivery: JobDelivery) => Promise<void>;
  readonly atATime: number;
}

/** A worker's end of one queue; runs in the worker. */
class Taker {
  readonly #world: World;
  readonly #taking: Taking;
  readonly #asks: Connection;
  #atATime: number;
  #running = 0;
  #isAsking = false;

  constructor(world: World, taking: Taking) {
    this.#world = world;
    this.#taking = taking;
    this.#atATime = taking.atATime;
    this.#asks = new Connection(world, taking.process, taking.server.server, askMs + timeLimitMs);
  }

  setConcurrency(atATime: number): void {
    this.#atATime = atATime;
    this.ask();
  }

  ask(): void {
    if (this.#isAsking || this.#running >= this.#atATime) return;
    this.#isAsking = true;
    const { queue, process, server } = this.#taking;
    const asked = this.#asks.call(`ask ${queue}`, () => server.ask(queue, process)).catch(() => null);
    void asked.then((given) => {
      this.#isAsking = false;
      if (given) void this.#run(given);
      return this.ask();
    });
  }

  async #run({ requestId, text, attempt }: Given): Promise<void> {
    const { connection, server, handler } = this.#taking;
    const lost = new AbortController();
    this.#running += 1;
    const renew = async () => {
      const isHeld = await connection.call(`renew ${requestId}`, () => server.renew(requestId, attempt));
      if (!isHeld) lost.abort(overtaken());
    };
    const renewal = setInterval(() => void renew().catch(() => undefined), renewalMs); // perhaps nobody can say
    const job = InferenceJob.parse(JSON.parse(text));
    const isDone = await handler({
      job,
      attempt,
      signal: lost.signal,
      journal: async (line) => {
        const isHeld = await connection.call(`journal ${requestId} ${line.slice(0, 24)}`, () => {
          const stored = server.jobs.get(requestId);
          if (stored?.holder !== attempt) return false;
          if (isOf('call', line) && stored.journal.some((each) => isOf('ended', each))) {
            this.#world.fail(`${requestId} is called for though it has ended`);
          }
          stored.journal.push(line);
          return server.renew(requestId, attempt);
        });
        if (isHeld) return;
        lost.abort(overtaken()); // before anybody acts on the refusal, as the adapters do
        throw overtaken();
      },
      readJournal: () =>
        connection.call(`journal of ${requestId}`, () => [...(server.jobs.get(requestId)?.journal ?? [])]),
    }).then(
      () => true,
      () => false,
    );
    clearInterval(renewal);
    this.#running -= 1;
    this.ask();
    const what = `${isDone ? 'end' : 'hand back'} ${requestId}`;
    await connection
      .call(what, () => server.end(requestId, attempt, isDone))
      .catch((error: unknown) => this.#world.note(`${what}: ${String(error)}`));
  }
}

function isOf(type: JournalLine['type'], line: string): boolean {
  return line.startsWith(`{"type":"${type}"`);
}

function overtaken(): Error {
  return new Error('another worker may have this job now');
}
