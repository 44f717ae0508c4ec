import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { redisKeysOf } from '../../src/adapters/bullmq/backend.ts';
import { FairLine } from '../../src/adapters/bullmq/fair-line.ts';
import type { Move } from '../../src/adapters/bullmq/fair-line.ts';
import { firstScore, newcomerPriority } from '../../src/adapters/bullmq/places.ts';
import { createRedisFairShare } from '../../src/adapters/bullmq/redis-fair-share.ts';
import { openQuickRedis } from '../../src/adapters/redis/open-redis.ts';
import { queueNameOf } from '../../src/contracts/subjects.ts';
import { RequestId } from '../../src/ids.ts';
import type { Correction, PlaceRequest } from '../../src/ports/fair-share.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { seededRandom } from '../seeded-random.ts';

let server: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  server = await openRedisServer();
});
after(() => server[Symbol.asyncDispose]());

/** The last is so small that jobs share its greatest tag, and that corrections cancel each other out: by some seeds. */
for (const { range, seeds } of [
  { range: 2 ** 51, seeds: 5 },
  { range: 16 * 30_000, seeds: 5 },
  { range: 16 * 200, seeds: 34 },
]) {
  test(`fair share: the scripts decide as FairLine does, step by step (range ${range})`, async (t) => {
    for (let seed = 1; seed <= seeds; seed += 1) await compare(seed, range);
    const another = Math.floor(Math.random() * 2 ** 31);
    t.diagnostic(`seed ${another}`);
    await compare(another, range);
  });
}

/** Random steps on both; after each, every waiting job has the same place on both. */
async function compare(seed: number, range: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.adopt(new Redis(server.url), (client) => client.disconnect());
  const shared = stack.use(await openQuickRedis({ url: server.url, onError: () => {} }));
  const fair = stack.use(createRedisFairShare({ redis: shared, range }));
  const queue = `compare-${seed}-${range}`;
  const keys = redisKeysOf(queueNameOf(queue));
  const line = new FairLine({ range });
  const tags = new Map<string, number>();
  const open: PlaceRequest[] = [];
  const taken: PlaceRequest[] = [];
  const random = seededRandom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const longest = Math.min(800, range / 16 / 3);
  let now = Date.now();

  const head = () => {
    if (tags.size === 0) return null;
    const tag = Math.min(...tags.values());
    return { tag, requestIds: [...tags.keys()].filter((id) => tags.get(id) === tag) };
  };
  const apply = (moves: readonly Move[]) => {
    for (const { requestId, tag } of moves) {
      if (open.some((request) => request.requestId === requestId)) tags.set(requestId, tag);
    }
  };
  const leave = (request: PlaceRequest) => {
    tags.delete(request.requestId);
    open.splice(open.indexOf(request), 1);
  };
  /** All in one turn, and so in one script. */
  const correct = async (...corrections: readonly Correction[]) => {
    apply(line.correct(corrections, head()));
    await Promise.all(corrections.map((correction) => fair.correct(correction)));
  };

  for (let step = 0; step < 250; step += 1) {
    now += pick(50);
    const what = random();
    if (what < 0.35) {
      // Several come in one turn, and so go in one script.
      const come = Array.from({ length: 1 + pick(4) }, (_, nth): PlaceRequest => {
        const flow = pick(4);
        return {
          queue,
          requestId: RequestId.parse(`chatcmpl-${step}-${nth}`),
          turn: {
            flow: `team:${flow}`,
            weight: [1, 2, 0.7, 1][flow] ?? 1,
            lane: 'interactive',
            priority: [0, 128, 128, 200][pick(4)] ?? 128,
          },
          inputTokens: random() < 0.5 ? pick(longest) : 10 * pick(3),
          outputTokensCap: random() < 0.5 ? pick(longest) : 10 * pick(3),
          now,
          expiresAt: Date.now() + 60_000,
        };
      });
      for (const [nth, { requestId }] of come.entries()) {
        // As BullMQ's own script leaves a new job.
        const newcomer = newcomerPriority * 2 ** 32 + 4 * step + nth;
        await redis.hset(`${keys}${requestId}`, { timestamp: now });
        await redis.zadd(`${keys}prioritized`, newcomer, requestId);
      }
      // A worker may be quicker than placing. Where nobody waits, nobody is charged then.
      const [first] = come;
      const isTaken = first !== undefined && open.length + come.length > 1 && random() < 0.2;
      if (isTaken) await redis.zrem(`${keys}prioritized`, first.requestId);
      for (const request of come) {
        const isWaiting = !isTaken || request !== first;
        (isWaiting ? open : taken).push(request);
        apply(line.place(request, head(), isWaiting).moves);
      }
      await Promise.all(come.map((request) => fair.place(request)));
    } else if (what < 0.8) {
      const [id] = await redis.zpopmin(`${keys}prioritized`);
      const request = open.find(({ requestId }) => requestId === id);
      if (!request) continue;
      leave(request);
      taken.push(request);
    } else if (what < 0.95) {
      const ended = taken.splice(0, 1 + pick(6));
      const corrections = ended.map((request): Correction => {
        // Often what its charge was, or as much more or less as another's: what is owed is then nothing, exactly.
        const tokens = () => (random() < 0.5 ? pick(longest) : 10 * pick(3));
        const used = { inputTokens: tokens(), outputTokens: tokens() };
        return { ...request, ...used, outcome: random() < 0.8 ? 'answered' : 'ended', now };
      });
      await correct(...corrections);
      for (const { requestId } of ended) await redis.del(`${keys}${requestId}`);
    } else {
      const request = open[pick(open.length)];
      if (!request) continue;
      leave(request);
      await redis.zrem(`${keys}prioritized`, request.requestId);
      await redis.del(`${keys}${request.requestId}`);
      await correct({ ...request, inputTokens: 0, outputTokens: 0, outcome: 'withdrawn', now });
    }
    const end = String(firstScore + range);
    const raw = await redis.zrange(`${keys}prioritized`, String(firstScore), end, 'BYSCORE', 'WITHSCORES');
    const found = new Map<string, number>();
    for (let i = 0; i < raw.length; i += 2) found.set(raw[i] ?? '', Number(raw[i + 1]) - firstScore);
    assert.deepEqual(sorted(found), sorted(tags), `seed ${seed}, step ${step}`);
  }
}

function sorted(tags: ReadonlyMap<string, number>): [string, number][] {
  return [...tags].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
