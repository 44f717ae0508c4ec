import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openDistributedGateway } from '../e2e/gateway.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { assertReconciled } from './reconciled.ts';
import { billedNanoUsd, compareWithBill, spendRows } from './books.ts';
import { createRandom } from './random.ts';

const requests = 300;
const atOnce = 60;

/**
 * 300 mixed requests; some clients leave midway; a worker and the ledger are killed in the middle and replaced.
 * The simulator's bill is the witness: it knows nothing of our books.
 */
describe('kill -9 in the middle of 300 mixed requests', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

  test(`every billed call is in the books exactly once (SEED=${seed})`, { timeout: 90_000 }, async () => {
    await using gateway = await openDistributedGateway({ workers: 2 });
    const random = createRandom(seed);
    const key = await gateway.newKey({ metadata: { team: 'chaos' } });
    const client = gateway.client(key);
    const [victim] = gateway.workers;
    assert.ok(victim);

    const outcomes = new Map<string, number>();
    let begun = 0;
    const one = async (index: number): Promise<string> => {
      const stream = random() < 0.5;
      const leaves = random() < 0.15;
      const model = ['llama', 'grok', 'command-a'][Math.floor(random() * 3)] ?? 'llama';
      const steering = stream
        ? { outputTokens: 20 + Math.floor(random() * 30), gapMs: 10 }
        : { outputTokens: 10 + Math.floor(random() * 30), delayMs: Math.floor(random() * 600) };
      const leaving = new AbortController();
      const body = {
        model,
        messages: [{ role: 'user' as const, content: `request ${index} #sim ${JSON.stringify(steering)}` }],
        max_tokens: 200,
      };
      const leaveAfterMs = 50 + random() * 250;
      if (leaves) setTimeout(() => leaving.abort(), leaveAfterMs).unref();
      begun += 1;
      try {
        if (!stream) {
          const answer = await client.chat.completions.create(body, { signal: leaving.signal });
          return answer.choices[0]?.message.content ? 'whole' : 'empty';
        }
        const options = { ...body, stream: true as const, stream_options: { include_usage: true } };
        const chunks = await Array.fromAsync(await client.chat.completions.create(options, { signal: leaving.signal }));
        return chunks.at(-1)?.usage ? 'whole' : leaves ? 'left' : 'cut without a word';
      } catch (error) {
        if (leaving.signal.aborted) return 'left';
        return error instanceof Error && /interrupted/.test(error.message) ? 'told' : `failed: ${String(error)}`;
      }
    };

    const indexes = Array.from({ length: requests }, (_, index) => index).values();
    const lane = async () => {
      for (const index of indexes) {
        const outcome = await one(index);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    const running = Promise.all(Array.from({ length: atOnce }, lane));
    await waitUntil(() => begun >= requests / 3, { what: 'a third of the requests to have begun' });
    victim.signal('SIGKILL');
    gateway.ledger.signal('SIGKILL');
    await waitUntil(() => begun >= requests / 2, { what: 'half of the requests to have begun', deadlineMs: 20_000 });
    await gateway.startLedger();
    await running;

    // A stream that had begun on the killed worker ends with a word; everything else is whole, or its client left.
    const unexpected = [...outcomes.keys()].filter((outcome) => !['whole', 'left', 'told'].includes(outcome));
    assert.deepEqual(unexpected, [], JSON.stringify(Object.fromEntries(outcomes)));

    const settled = await waitUntil(
      async () => {
        assert.equal(gateway.simulator.callsInFlight(), 0);
        const state = compareWithBill(gateway.simulator.billed(), await spendRows(gateway, key));
        assert.deepEqual(state.unbooked, [], 'billed and not in the books');
        return state;
      },
      { what: 'the books to hold every billed call', deadlineMs: 30_000 },
    );

    assert.deepEqual(settled.twice, [], 'no call is booked twice');
    assert.deepEqual(settled.differing, [], 'completed calls agree to the token and the nano-dollar');
    assert.deepEqual(settled.notEstimated, [], 'what was cut is marked as estimated');
    await assertReconciled(gateway);
    const completed = gateway.simulator.billed().filter((call) => settled.completed.has(call.callId));
    const booked = settled.completedNanoUsd;
    assert.equal(booked, billedNanoUsd(completed));
  });
});
