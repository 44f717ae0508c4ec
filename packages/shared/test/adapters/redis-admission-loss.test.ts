import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisAdmission } from '../../src/adapters/redis/redis-admission.ts';
import type { CallId } from '../../src/ids.ts';
import type { Admission, FindBooked } from '../../src/ports/admission.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { notOurs } from '../../../../test/servers/server.ts';
import type { TestServer } from '../../../../test/servers/server.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { Books } from '../conformance/admission-model.ts';
import { newAccount, requestOn, settledCall, token } from '../conformance/admission-requests.ts';

/** Long enough for both ends to connect again, and no longer than the tests need to be quick. */
const lossGraceMs = 1_500;
const ours = { skip: notOurs('REDIS_URL') };
const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };

const losses: Record<string, (server: TestServer) => Promise<unknown>> = {
  'a Redis that is killed and comes back empty': async (server) => {
    await server.kill('SIGKILL');
    await server.start();
  },
  'a Redis that is emptied while it runs': async (server) => {
    const redis = new Redis(server.url);
    await redis.flushall();
    redis.disconnect();
  },
};

for (const [what, lose] of Object.entries(losses)) {
  test(`Redis admission: ${what} knows again what is spent, and what each process has reserved`, ours, async () => {
    await using own = await openTwo();
    const { here, there, books, server } = own;
    const account = newAccount({ budgetNanoUsd: 100 * token, tokenBudget: 1_000, maxParallelRequests: 3 });
    books.book(account, 30 * token, 300);
    const [mine, theirs] = [requestOn([account]), requestOn([account], { outputTokensCap: 20 })] as const;
    await admittedSoon(here, mine);
    await admittedSoon(there, theirs);

    await lose(server);
    const whole = requestOn([account], { outputTokensCap: 41, outputTokensMin: 41 });
    // Never more than what neither the books nor a running call have: 100 - 30 - 10 - 20.
    assert.equal(await firstDecision(here, whole), 'wait');
    const last = requestOn([account], { outputTokensCap: 40, outputTokensMin: 40 });
    const state = await admittedSoon(there, last);
    assert.deepEqual(
      [state?.settledNanoUsd, state?.reservedNanoUsd, state?.settledTokens, state?.reservedTokens],
      [30 * token, 70 * token, 300, 70],
    );
    const none = await here.reserve(requestOn([account], { outputNanoUsdPerMillion: 0 }));
    assert.equal(none.type, 'rate-limited', 'the slots are held again, too');

    // The calls end as if nothing had been.
    await there.shrink(mine.callId, { costNanoUsd: 5 * token, tokens: 5 });
    const cost = {
      calls: [theirs, mine, last].map(({ callId }) => settledCall(callId)),
      balances: [books.book(account, 65 * token, 65)],
    };
    await here.settle(cost);
    const after = await admittedSoon(here, requestOn([account], { outputTokensCap: 5 }));
    assert.deepEqual([after?.settledNanoUsd, after?.reservedNanoUsd], [95 * token, 5 * token]);
  });
}

test(
  'Redis admission: what was booked before the loss, or ended before it was brought back, stays over',
  ours,
  async () => {
    let asked = 0;
    const booked: CallId[] = [];
    await using own = await openTwo(async (callIds) => {
      asked += 1;
      if (asked === 1) throw new Error('no books yet');
      return callIds.filter((callId) => booked.includes(callId));
    });
    const { here, there, books, server } = own;
    const account = newAccount({ budgetNanoUsd: 100 * token });
    const calls = [requestOn([account]), requestOn([account]), requestOn([account])] as const;
    for (const call of calls) await admittedSoon(here, call);
    // The first is booked, and nobody hears of it before the loss.
    booked.push(calls[0].callId);
    books.book(account, 10 * token);
    await server.kill('SIGKILL');
    await server.start();
    // The second is booked after it, and settled before or after it is brought back.
    await waitUntil(() => there.ping().then(() => true), { what: 'the other connection' });
    booked.push(calls[1].callId);
    await there.settle({ calls: [settledCall(calls[1].callId)], balances: [books.book(account, 10 * token)] });
    const state = await admittedSoon(there, requestOn([account], { outputTokensCap: 70, outputTokensMin: 70 }));
    assert.deepEqual([state?.settledNanoUsd, state?.reservedNanoUsd], [20 * token, 80 * token]);
    assert.ok(asked >= 2);
  },
);

test('Redis admission: a killed Redis is an error at once, and word of room is heard again', ours, async () => {
  await using own = await openTwo();
  const { here, there, server } = own;
  const heard: string[] = [];
  await here.onRoom((keys) => heard.push(...keys));
  const account = newAccount({ budgetNanoUsd: 10 * token });
  const first = requestOn([account]);
  await admittedSoon(here, first);

  await server.kill('SIGKILL');
  const killedAt = performance.now();
  for (let call = 0; call < 10; call += 1) await assert.rejects(here.reserve(requestOn([account])), unavailable);
  await assert.rejects(here.ping(), unavailable);
  assert.ok(performance.now() - killedAt < 900, 'a dead Redis is noticed, not waited for');

  await server.start();
  await waitUntil(() => here.ping().then(() => true), { what: 'the connection' });
  await waitUntil(() => there.ping().then(() => true), { what: 'the other connection' });
  assert.notEqual(await firstDecision(there, requestOn([account])), 'admitted');
  // What is told before the listener has its connection again is not heard: so room is taken and given back anew.
  let holding = first;
  await waitUntil(
    async () => {
      const next = requestOn([account]);
      if ((await there.reserve(next)).type === 'admitted') holding = next;
      else await there.shrink(holding.callId, { costNanoUsd: 0, tokens: 0 });
      return heard.length > 0;
    },
    { what: 'word of room on the new connection' },
  );
});

test('Redis admission: without a loss nothing is brought back, and what is over is forgotten', async () => {
  let asked = 0;
  await using own = await openTwo(async () => {
    asked += 1;
    return [];
  });
  const account = newAccount({ budgetNanoUsd: 100 * token });
  const call = requestOn([account]);
  await admittedSoon(own.here, call);
  await own.there.settle({ calls: [settledCall(call.callId)], balances: [own.books.book(account, token)] });
  const state = await admittedSoon(own.here, requestOn([account], { outputTokensCap: 99, outputTokensMin: 99 }));
  assert.equal(state?.reservedNanoUsd, 99 * token);
  assert.equal(asked, 0);
});

/** Two processes on a Redis of their own that keeps nothing. */
async function openTwo(findBooked?: FindBooked) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await openRedisServer());
  const books = new Books();
  const open = async () =>
    stack.use(
      await openRedisAdmission({
        url: server.url,
        loadBalances: books.load,
        lossGraceMs,
        ...(findBooked && { findBooked }),
      }),
    );
  return {
    server,
    books,
    here: await open(),
    there: await open(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

type Request = Parameters<Admission['reserve']>[0];

/** The answer of a server that is there. */
async function firstDecision(admission: Admission, request: Request) {
  return waitUntil(
    () =>
      admission.reserve(request).then(
        ({ type }) => type,
        () => null,
      ),
    { what: 'a decision' },
  );
}

/** Asks until it is let in, as whoever is told to wait does. */
async function admittedSoon(admission: Admission, request: Request) {
  return waitUntil(
    async () => {
      const result = await admission.reserve(request).catch(() => null);
      return result?.type === 'admitted' ? result.accounts[0] : null;
    },
    { what: 'room' },
  );
}
