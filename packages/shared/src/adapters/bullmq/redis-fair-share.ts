import type { Redis, Result } from 'ioredis';
import { queueNameOf } from '../../contracts/subjects.ts';
import type { Correction, FairShare, Line, Outlook, PlaceRequest } from '../../ports/fair-share.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { redisKeysOf } from './backend.ts';
import { firstScore, givenBackPriority, tagRange } from './places.ts';
import { chargeGraceMs } from './fair-share-units.ts';
import { correctScript, lineScript, placeScript } from './redis-fair-share-scripts.ts';

export interface RedisFairShareOptions {
  /** Shared: stays the caller's to close. */
  readonly redis: Redis;
  readonly timeoutMs?: number;
  /** Tags before they begin anew; for tests. */
  readonly range?: number;
}

declare module 'ioredis' {
  /** What `defineCommand` adds. Keys: BullMQ's prefix of the queue, and ours. */
  interface RedisCommander<Context> {
    fairPlace(bull: string, own: string, ...args: (string | number)[]): Result<string[], Context>;
    fairCorrect(bull: string, own: string, ...args: (string | number)[]): Result<number, Context>;
    fairLine(bull: string, own: string, ...args: (string | number)[]): Result<string[], Context>;
  }
}

const dependency = 'queue';

/** Jobs that one script is run for, so that none holds Redis up for long. */
const jobsMax = 64;

/** What one script is run for. */
interface Batch<Answer> {
  /** When the last was asked for. */
  now: number;
  readonly jobs: JobArguments[];
  /** Of all of them, in their order. */
  readonly answer: Promise<Answer>;
}

type JobArguments = readonly (string | number)[];

interface Outlooks {
  readonly waiting: number;
  readonly perSecond: number | null;
  /** By job. */
  readonly ahead: readonly number[];
}

/**
 * Places jobs of BullMQ's Redis backend, one script per step. Jobs that are placed, or corrected, in one turn go
 * together: a script that runs for one job costs more than the job.
 *
 * @throws GatewayError dependency_unavailable from every method while Redis is away or does not answer in time
 */
export function createRedisFairShare(options: RedisFairShareOptions): FairShare {
  const { redis, timeoutMs = 900, range = tagRange } = options;
  redis.defineCommand('fairPlace', { lua: placeScript, numberOfKeys: 2 });
  redis.defineCommand('fairCorrect', { lua: correctScript, numberOfKeys: 2 });
  redis.defineCommand('fairLine', { lua: lineScript, numberOfKeys: 2 });
  return new RedisFairShare({ redis, timeoutMs, range });
}

class RedisFairShare implements FairShare {
  readonly #redis: Redis;
  readonly #timeoutMs: number;
  readonly #range: number;
  readonly #placings: Batches<Outlooks>;
  readonly #corrections: Batches<void>;

  constructor(deps: { redis: Redis; timeoutMs: number; range: number }) {
    this.#redis = deps.redis;
    this.#timeoutMs = deps.timeoutMs;
    this.#range = deps.range;
    this.#placings = new Batches((queue, now, jobs) => this.#ask('place', queue, now, jobs));
    this.#corrections = new Batches(async (queue, now, jobs) => {
      await this.#limited(this.#redis.fairCorrect(...keysOf(queue), ...this.#common(now), ...jobs.flat()));
    });
  }

  async place(request: PlaceRequest): Promise<Outlook> {
    const { batch, position } = this.#placings.add(request.queue, request.now, placeArguments(request));
    return outlookAt(await batch.answer, position);
  }

  async outlook(request: PlaceRequest): Promise<Outlook> {
    return outlookAt(await this.#ask('outlook', request.queue, request.now, [placeArguments(request)]), 0);
  }

  correct(correction: Correction): Promise<void> {
    const { queue, turn, requestId, inputTokens, outputTokens, outcome, now } = correction;
    const args = [now, requestId, turn.flow, turn.weight, inputTokens, outputTokens, outcome];
    return this.#corrections.add(queue, now, args).batch.answer;
  }

  async line(queue: string, now: number): Promise<Line> {
    const reply = await this.#limited(this.#redis.fairLine(...keysOf(queue), ...this.#common(now)));
    const [waiting, oldestAt = '', perSecond] = reply;
    const oldestAgeMs = oldestAt === '' ? 0 : Math.max(0, now - Number(oldestAt));
    return { waiting: Number(waiting), oldestAgeMs, perSecond: rateOf(perSecond) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ask(step: 'place' | 'outlook', queue: string, now: number, jobs: readonly JobArguments[]): Promise<Outlooks> {
    const args = [...this.#common(now), step, givenBackPriority, ...jobs.flat()];
    const [waiting, perSecond, ...ahead] = await this.#limited(this.#redis.fairPlace(...keysOf(queue), ...args));
    return { waiting: Number(waiting), perSecond: rateOf(perSecond), ahead: ahead.map(Number) };
  }

  #common(now: number): number[] {
    return [firstScore, this.#range, now];
  }

  #limited<T>(call: Promise<T>): Promise<T> {
    return withTimeLimit(dependency, this.#timeoutMs, call);
  }
}

/** By queue, what was asked for in this turn. */
class Batches<Answer> {
  readonly #open = new Map<string, Batch<Answer>>();
  readonly #send: (queue: string, now: number, jobs: readonly JobArguments[]) => Promise<Answer>;

  constructor(send: (queue: string, now: number, jobs: readonly JobArguments[]) => Promise<Answer>) {
    this.#send = send;
  }

  /** @returns the batch that the job goes with, and which of its jobs it is */
  add(queue: string, now: number, job: JobArguments): { batch: Batch<Answer>; position: number } {
    const last = this.#open.get(queue);
    const batch = last && last.jobs.length < jobsMax ? last : this.#begin(queue);
    batch.now = now;
    return { batch, position: batch.jobs.push(job) - 1 };
  }

  #begin(queue: string): Batch<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const batch: Batch<Answer> = { now: 0, jobs: [], answer: promise };
    this.#open.set(queue, batch);
    setImmediate(() => {
      if (this.#open.get(queue) === batch) this.#open.delete(queue);
      resolve(this.#send(queue, batch.now, batch.jobs));
    });
    return batch;
  }
}

function placeArguments({ requestId, turn, inputTokens, outputTokensCap, expiresAt }: PlaceRequest): JobArguments {
  const { flow, priority, weight } = turn;
  return [requestId, flow, priority, weight, inputTokens, outputTokensCap, expiresAt + chargeGraceMs];
}

function outlookAt({ ahead, waiting, perSecond }: Outlooks, position: number): Outlook {
  return { ahead: ahead[position] ?? 0, waiting, perSecond };
}

function keysOf(queue: string): [bull: string, own: string] {
  const name = queueNameOf(queue);
  return [redisKeysOf(name), `sluice-fair:{${name}}:`];
}

function rateOf(text: string | undefined): number | null {
  return text ? Number(text) : null;
}
