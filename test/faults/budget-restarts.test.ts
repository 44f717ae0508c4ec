import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { Dependency, DistributedGateway } from '../e2e/gateway.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { balanceUsd, billedNanoUsd, compareWithBill, spendRows } from './books.ts';

/** Calls that the budget has room for, that run when the fault begins, and that are asked for while it lasts. */
const fitting = 60;
const running = 8;
const asked = 120;
/**
 * Of the budget, in the books. At the very end less is left than the most that a call can cost. A call whose worker
 * lost its job to Redis is given up and booked at that most.
 */
const leastBooked = 0.85;

interface Case {
  readonly gone: readonly Dependency[];
  readonly why: string;
}

const cases: readonly Case[] = [
  { gone: ['postgres'], why: 'what has ended is not booked yet' },
  { gone: ['nats'], why: 'usage and answers are on their way' },
  { gone: ['redis', 'postgres'], why: 'neither counters nor books know what has ended' },
];

describe('a budget in use while PostgreSQL, NATS, or Redis, which keeps nothing, is killed and comes back', () => {
  let gateway: DistributedGateway;
  before(async () => {
    gateway = await openDistributedGateway({ ownPostgres: true });
  });
  after(() => gateway[Symbol.asyncDispose]());

  for (const { gone, why } of cases) {
    const title = `${gone.join(' and ')}: the provider's bill never passes the budget, and what is left is used (${why})`;
    const skip = (gone.includes('redis') && notOurs('REDIS_URL')) || (gone.includes('nats') && notOurs('NATS_URL'));
    test(title, { skip, timeout: 120_000 }, async (t) => {
      const one = await costOfOne(gateway);
      const budgetNanoUsd = Math.floor(one * (fitting + 0.5));
      const key = await gateway.newKey({ max_budget: budgetNanoUsd / 1e9 });
      await waitUntil(async () => (await ask(gateway, key)).status === 200, { what: 'an answer before' });

      const begun = Array.from({ length: running }, () => ask(gateway, key, 4_000));
      await waitUntil(() => gateway.simulator.callsInFlight() === running, { what: 'calls at the provider' });
      for (const dependency of gone) await gateway.servers[dependency].kill('SIGKILL');
      const meanwhile = Array.from({ length: asked }, () => askUntilDecided(gateway, key));
      for (const dependency of gone) await gateway.servers[dependency].start();

      const outcomes = await Promise.all([...begun, ...meanwhile]);
      const bill = billedNanoUsd(gateway.simulator.billed());
      const codes = [...Map.groupBy(outcomes, ({ status, type }) => `${status} ${type}`)];
      t.diagnostic(
        `billed ${bill} of ${budgetNanoUsd} nano-USD; ${codes.map(([code, all]) => `${code}: ${all.length}`).join(', ')}`,
      );
      assert.ok(bill <= budgetNanoUsd, `billed ${bill} of ${budgetNanoUsd} nano-USD`);
      await waitUntil(
        async () => {
          const { unbooked, twice, differing } = compareWithBill(
            gateway.simulator.billed(),
            await spendRows(gateway, key),
          );
          assert.deepEqual([unbooked, twice, differing], [[], [], []]);
          return true;
        },
        { what: 'every billed call to be in the books once', deadlineMs: 20_000 },
      );
      const booked = Math.round((await balanceUsd(gateway, key)) * 1e9);
      t.diagnostic(`booked ${booked}`);
      assert.ok(booked <= budgetNanoUsd && booked >= leastBooked * budgetNanoUsd, `booked ${booked}`);
    });
  }
});

async function costOfOne(gateway: DistributedGateway): Promise<number> {
  const key = await gateway.newKey();
  gateway.simulator.clearBilled();
  await waitUntil(async () => (await ask(gateway, key)).status === 200, { what: 'a first answer' });
  await waitUntil(() => gateway.simulator.callsInFlight() === 0, { what: 'no calls at the provider' });
  const [first] = gateway.simulator.billed();
  assert.ok(first);
  gateway.simulator.clearBilled();
  return billedNanoUsd([first]);
}

const ErrorBody = z.object({ error: z.object({ type: z.string() }) });

/** All prompts are as long, and so cost as much. */
async function ask(gateway: DistributedGateway, key: string, delayMs = 50) {
  const content = `Hello.${'.'.repeat(8 - String(delayMs).length)} #sim ${JSON.stringify({ outputTokens: 20, delayMs })}`;
  const response = await gateway.request('/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'llama', messages: [{ role: 'user', content }], max_tokens: 20 }),
  });
  const body: unknown = await response.json();
  return { status: response.status, type: response.status === 200 ? 'answered' : ErrorBody.parse(body).error.type };
}

/** As a client does that tries again for as long as the gateway asks it to. */
async function askUntilDecided(gateway: DistributedGateway, key: string) {
  return waitUntil(
    async () => {
      const outcome = await ask(gateway, key);
      return outcome.status === 503 ? null : outcome;
    },
    { what: 'a decision', deadlineMs: 60_000 },
  );
}
