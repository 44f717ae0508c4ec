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

/** Jobs that one script corrects, so that none holds Redis up for long. */
const correctionsMax = 64;

interface Corrections {
  readonly args: (string | number)[][];
  /** Settles with all of them. */
  readonly sent: Promise<void>;
}

/**
 * Places jobs of BullMQ's Redis backend, one script per step.
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
  /** By queue, of this turn. */
  readonly #corrections = new Map<string, Corrections>();

  constructor(deps: { redis: Redis; timeoutMs: number; range: number }) {
    this.#redis = deps.redis;
    this.#timeoutMs = deps.timeoutMs;
    this.#range = deps.range;
  }

  place(request: PlaceRequest): Promise<Outlook> {
    return this.#ask('place', request);
  }

  outlook(request: PlaceRequest): Promise<Outlook> {
    return this.#ask('outlook', request);
  }

  /** Those of one turn go together: a script that runs for one job costs more than the job. */
  correct(correction: Correction): Promise<void> {
    const { queue, turn, requestId, inputTokens, outputTokens, outcome, now } = correction;
    const last = this.#corrections.get(queue);
    const batch = last && last.args.length < correctionsMax ? last : this.#newCorrections(queue);
    batch.args.push([now, requestId, turn.flow, turn.weight, inputTokens, outputTokens, outcome]);
    return batch.sent;
  }

  #newCorrections(queue: string): Corrections {
    const { promise, resolve } = Promise.withResolvers<void>();
    const batch: Corrections = { args: [], sent: promise };
    this.#corrections.set(queue, batch);
    setImmediate(() => {
      if (this.#corrections.get(queue) === batch) this.#corrections.delete(queue);
      const [[now = 0] = []] = batch.args;
      const args = [...this.#common(Number(now)), ...batch.args.flat()];
      resolve(this.#limited(this.#redis.fairCorrect(...keysOf(queue), ...args)).then(() => undefined));
    });
    return batch;
  }

  async line(queue: string, now: number): Promise<Line> {
    const reply = await this.#limited(this.#redis.fairLine(...keysOf(queue), ...this.#common(now)));
    const [waiting, oldestAt = '', perSecond] = reply;
    const oldestAgeMs = oldestAt === '' ? 0 : Math.max(0, now - Number(oldestAt));
    return { waiting: Number(waiting), oldestAgeMs, perSecond: rateOf(perSecond) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ask(step: 'place' | 'outlook', request: PlaceRequest): Promise<Outlook> {
    const { requestId, turn, inputTokens, outputTokensCap, now, expiresAt } = request;
    const { flow, priority, weight } = turn;
    const expected = [inputTokens, outputTokensCap, givenBackPriority, expiresAt + chargeGraceMs];
    const args = [...this.#common(now), step, requestId, flow, priority, weight, ...expected];
    const [ahead, waiting, perSecond] = await this.#limited(this.#redis.fairPlace(...keysOf(request.queue), ...args));
    return { ahead: Number(ahead), waiting: Number(waiting), perSecond: rateOf(perSecond) };
  }

  #common(now: number): number[] {
    return [firstScore, this.#range, now];
  }

  #limited<T>(call: Promise<T>): Promise<T> {
    return withTimeLimit(dependency, this.#timeoutMs, call);
  }
}

function keysOf(queue: string): [bull: string, own: string] {
  const name = queueNameOf(queue);
  return [redisKeysOf(name), `sluice-fair:{${name}}:`];
}

function rateOf(text: string | undefined): number | null {
  return text ? Number(text) : null;
}
