import type { Redis, Result } from 'ioredis';
import { queueNameOf } from '../../contracts/subjects.ts';
import type { Correction, FairShare, Line, Outlook, PlaceRequest } from '../../ports/fair-share.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { TurnGatherer } from '../turn-gatherer.ts';
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

/** Of one script. */
const jobsMax = 64;

interface Step {
  readonly now: number;
  readonly args: readonly (string | number)[];
}

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
  /** By queue: its keys lie in one slot. */
  readonly #placings = new Map<string, TurnGatherer<Step, Outlooks>>();
  readonly #corrections = new Map<string, TurnGatherer<Step, void>>();

  constructor(deps: { redis: Redis; timeoutMs: number; range: number }) {
    this.#redis = deps.redis;
    this.#timeoutMs = deps.timeoutMs;
    this.#range = deps.range;
  }

  async place(request: PlaceRequest): Promise<Outlook> {
    const { queue } = request;
    const placings = gathererOf(this.#placings, queue, (steps) => this.#ask('place', queue, steps));
    const { answer, position } = placings.add(placing(request));
    return outlookAt(await answer, position);
  }

  async outlook(request: PlaceRequest): Promise<Outlook> {
    return outlookAt(await this.#ask('outlook', request.queue, [placing(request)]), 0);
  }

  correct({ queue, turn, requestId, inputTokens, outputTokens, outcome, now }: Correction): Promise<void> {
    const corrections = gathererOf(this.#corrections, queue, (steps) => this.#correct(queue, steps));
    const args = [now, requestId, turn.flow, turn.weight, inputTokens, outputTokens, outcome];
    return corrections.add({ now, args }).answer;
  }

  async line(queue: string, now: number): Promise<Line> {
    const reply = await this.#limited(this.#redis.fairLine(...keysOf(queue), ...this.#common(now)));
    const [waiting, oldestAt = '', perSecond] = reply;
    const oldestAgeMs = oldestAt === '' ? 0 : Math.max(0, now - Number(oldestAt));
    return { waiting: Number(waiting), oldestAgeMs, perSecond: rateOf(perSecond) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ask(step: 'place' | 'outlook', queue: string, jobs: readonly Step[]): Promise<Outlooks> {
    const args = [...this.#common(latest(jobs)), step, givenBackPriority, ...jobs.flatMap((job) => job.args)];
    const [waiting, perSecond, ...ahead] = await this.#limited(this.#redis.fairPlace(...keysOf(queue), ...args));
    return { waiting: Number(waiting), perSecond: rateOf(perSecond), ahead: ahead.map(Number) };
  }

  async #correct(queue: string, steps: readonly Step[]): Promise<void> {
    const args = [...this.#common(latest(steps)), ...steps.flatMap((step) => step.args)];
    await this.#limited(this.#redis.fairCorrect(...keysOf(queue), ...args));
  }

  #common(now: number): number[] {
    return [firstScore, this.#range, now];
  }

  #limited<T>(call: Promise<T>): Promise<T> {
    return withTimeLimit(dependency, this.#timeoutMs, call);
  }
}

function gathererOf<Answer>(
  known: Map<string, TurnGatherer<Step, Answer>>,
  queue: string,
  send: (steps: readonly Step[]) => Promise<Answer>,
): TurnGatherer<Step, Answer> {
  const gatherer = known.get(queue) ?? new TurnGatherer(jobsMax, send);
  known.set(queue, gatherer);
  return gatherer;
}

function latest(steps: readonly Step[]): number {
  return steps.at(-1)?.now ?? 0;
}

function placing({ requestId, turn, inputTokens, outputTokensCap, now, expiresAt }: PlaceRequest): Step {
  const { flow, priority, weight } = turn;
  return { now, args: [requestId, flow, priority, weight, inputTokens, outputTokensCap, expiresAt + chargeGraceMs] };
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
