import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway } from '../e2e/gateway.ts';
import type { Child } from '../servers/child.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { spendRows } from './books.ts';

const takeoverMsMax = 5_000;

function ask(steering: Record<string, unknown>) {
  const content = `Hello. #sim ${JSON.stringify(steering)}`;
  return { model: 'llama', messages: [{ role: 'user' as const, content }], max_tokens: 500 };
}

describe('a worker that dies or is told to stop', () => {
  let gateway: DistributedGateway;
  /** The worker that has whatever runs now. */
  let current: Child;
  before(async () => {
    gateway = await openDistributedGateway({ workers: 1 });
    const [first] = gateway.workers;
    assert.ok(first);
    current = first;
  });
  after(() => gateway[Symbol.asyncDispose]());
  const callsRunning = (count: number) =>
    waitUntil(() => gateway.simulator.callsInFlight() === count, { what: `${count} calls at the provider` });

  test(`kill -9: another worker calls again within ${takeoverMsMax} ms, and the client notices only time`, async () => {
    gateway.simulator.clearBilled();
    const key = await gateway.newKey();
    gateway.simulator.setBehaviour({ delayMs: 60_000 });
    const answer = gateway.client(key).chat.completions.create(ask({ outputTokens: 10 }));
    await callsRunning(1);
    const next = await gateway.startWorker();
    gateway.simulator.setBehaviour({});
    current.signal('SIGKILL');
    const killedAt = Date.now();
    await current.exited;
    current = next;
    const { choices } = await answer;
    assert.ok(choices[0]?.message.content);

    const calls = gateway.simulator.billed();
    assert.equal(calls.length, 2);
    const took = Math.max(...calls.map(({ startedAt }) => startedAt)) - killedAt;
    assert.ok(took <= takeoverMsMax, `taken over after ${took} ms`);
    const rows = await waitUntil(
      async () => {
        const booked = await spendRows(gateway, key);
        assert.equal(booked.length, 2);
        return booked;
      },
      { what: 'both calls in the books' },
    );
    assert.deepEqual(rows.map(({ metadata }) => metadata.sluice.outcome).toSorted(), ['completed', 'cut']);
  });

  test('kill -9 in the middle of a stream: the client is told, and nobody calls again', async () => {
    gateway.simulator.clearBilled();
    const key = await gateway.newKey();
    const options = { ...ask({ gapMs: 50, outputTokens: 200 }), stream: true as const };
    const stream = await gateway.client(key).chat.completions.create(options);
    const next = await gateway.startWorker();
    let told: unknown;
    let chunks = 0;
    try {
      for await (const chunk of stream) {
        assert.ok(chunk);
        chunks += 1;
        if (chunks === 5) current.signal('SIGKILL');
      }
    } catch (error) {
      told = error;
    }
    current = next;
    assert.match(String(told), /interrupted/);
    // The worker that took the job over has booked the lost call, and has gone on to other work.
    await waitUntil(async () => (await spendRows(gateway, key)).length === 1, { what: 'the lost call in the books' });
    await gateway.client(key).chat.completions.create(ask({ outputTokens: 10 }));
    assert.equal(gateway.simulator.callsInFlight(), 0);
    assert.equal(gateway.simulator.billed().length, 2);
  });

  test('SIGTERM: what runs is finished, streams included, and the process ends with 0', async () => {
    const key = await gateway.newKey();
    const client = gateway.client(key);
    const running = [
      ...Array.from({ length: 5 }, () => client.chat.completions.create(ask({ delayMs: 800, outputTokens: 10 }))),
      ...Array.from({ length: 5 }, async () => {
        const options = { ...ask({ gapMs: 20, outputTokens: 40 }), stream: true as const };
        const chunks = await Array.fromAsync(await client.chat.completions.create(options));
        assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'stop');
      }),
    ];
    await callsRunning(10);
    const next = await gateway.startWorker();
    current.signal('SIGTERM');
    const late = client.chat.completions.create(ask({ outputTokens: 10 }));
    await Promise.all([...running, late]);
    assert.deepEqual(await current.exited, { code: 0, signal: null });
    current = next;
  });
});
