import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisAdmission } from '../../src/adapters/redis/redis-admission.ts';
import { callIdOf, RequestId } from '../../src/ids.ts';
import type { Admission } from '../../src/ports/admission.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { notOurs } from '../../../../test/servers/server.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { admissionConformance } from '../conformance/admission.ts';
import { Books } from '../conformance/admission-model.ts';

let server: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  server = await openRedisServer();
});
after(() => server[Symbol.asyncDispose]());

const tag = '{sluice:admission}';

admissionConformance('Redis', async ({ loadBalances }) => {
  const stack = new AsyncDisposableStack();
  const open = async () =>
    stack.use(
      await openRedisAdmission({ url: server.url, loadBalances, lossGraceMs: 0, serverTime: ({ now }) => now }),
    );
  const redis = openRedis(server.url, stack);
  const admissions = [await open(), await open(), await open()] as const;
  const lose = async (key: string) => void (await redis.del(`${tag}:account:${key}`));
  return { admissions, lose, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});

const account = () => ({
  id: `key:${randomUUID()}`,
  windowStart: 0,
  budgetNanoUsd: 1_000,
  tokenBudget: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxParallelRequests: null,
});

const clock = 1_800_000_000_000;

async function reserve(admission: Admission, on: ReturnType<typeof account>, inputCostNanoUsd = 600, now = clock) {
  const callId = callIdOf(RequestId.parse(`chatcmpl-${randomUUID()}`), 1);
  const result = await admission.reserve({
    callId,
    accounts: [on],
    inputCostNanoUsd,
    inputTokensMax: 0,
    outputNanoUsdPerMillion: 0,
    outputTokensCap: 0,
    outputTokensMin: 0,
    tokensEstimate: 1,
    now,
    expiresAt: now + 600_000,
  });
  return { callId, type: result.type };
}

const ours = { skip: notOurs('REDIS_URL') };
const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };

test('Redis admission: all keys lie in one slot of a cluster, and none stays forever', async () => {
  await using stack = new AsyncDisposableStack();
  const redis = openRedis(server.url, stack);
  const admission = stack.use(await openRedisAdmission({ redis, loadBalances: new Books().load, lossGraceMs: 0 }));
  const on = account();
  const { callId } = await reserve(admission, on);
  const keys = [`${tag}:account:${on.id}@0`, `${tag}:calls:${on.id}@0`, `${tag}:call:${callId}`];
  for (const key of keys) assert.ok((await redis.ttl(key)) > 30 * 24 * 3600, key);
  await admission.settle({ calls: [{ callId, tokens: 0 }], balances: [] });
  assert.equal(await redis.exists(...keys.slice(1)), 0);
});

test('Redis admission: a caller whose clock is far ahead or behind ends nobody’s reservation', async () => {
  await using stack = new AsyncDisposableStack();
  const admission = stack.use(
    await openRedisAdmission({ url: server.url, loadBalances: new Books().load, lossGraceMs: 0 }),
  );
  const on = account();
  assert.equal((await reserve(admission, on)).type, 'admitted');
  for (const aheadMs of [-3_600_000, 3_600_000]) {
    assert.equal((await reserve(admission, on, 600, clock + aheadMs)).type, 'wait');
    assert.equal((await reserve(admission, on, 1, clock + aheadMs)).type, 'admitted');
  }
});

test('Redis admission: opening fails when there is no Redis', ours, async () => {
  await using gone = await openRedisServer();
  const { url } = gone;
  await gone.stop();
  await assert.rejects(openRedisAdmission({ url, loadBalances: new Books().load }), unavailable);
});

test('Redis admission: a Redis that hangs is an error in time, and service returns', ours, async () => {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(await openRedisServer());
  const admission = stack.use(
    await openRedisAdmission({ url: own.url, loadBalances: new Books().load, timeoutMs: 200, lossGraceMs: 0 }),
  );
  const on = account();
  await own.kill('SIGSTOP');
  const askedAt = performance.now();
  await assert.rejects(reserve(admission, on), unavailable);
  assert.ok(performance.now() - askedAt < 600);
  await own.kill('SIGCONT');
  await waitUntil(() => admission.ping().then(() => true), { what: 'an answer' });
  assert.equal((await reserve(admission, on, 1)).type, 'admitted');
});

test('Redis admission: books that hang are an error in time, and reserve nothing later', async () => {
  await using stack = new AsyncDisposableStack();
  const answer = Promise.withResolvers<void>();
  const books = new Books();
  const slow = stack.use(
    await openRedisAdmission({
      url: server.url,
      timeoutMs: 100,
      lossGraceMs: 0,
      loadBalances: async (accounts) => {
        await answer.promise;
        return books.load(accounts);
      },
    }),
  );
  const quick = stack.use(await openRedisAdmission({ url: server.url, loadBalances: books.load, lossGraceMs: 0 }));
  const on = account();
  await assert.rejects(reserve(slow, on), unavailable);
  answer.resolve();
  await slow.ping();
  assert.equal((await reserve(quick, on, 1_000)).type, 'admitted');
});

function openRedis(url: string, stack: AsyncDisposableStack): Redis {
  return stack.adopt(new Redis(url), async (redis) => redis.disconnect());
}
