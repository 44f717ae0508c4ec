import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openDistributedGateway, type DistributedGateway } from '../e2e/gateway.ts';
import type { Child } from '../servers/child.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { assertReconciled } from './reconciled.ts';
import { compareWithBill, spendRows } from './books.ts';

const inFlight = 200;
/** Until the first is taken over; for the last the machine has as much more as it needed to begin all of them. */
const takeoverMsMax = 5_000;

/** What a client saw of one request. */
interface Seen {
  readonly stream: boolean;
  readonly text: string;
  /** null: it ended as it should. */
  readonly error: string | null;
}

/**
 * A worker with 200 requests in flight is killed, or frozen and woken again: the bill knows each call, whoever made
 * it, and a text that was put together from two calls would not be one that the model writes.
 */
describe(`a worker with ${inFlight} requests in flight`, () => {
  let gateway: DistributedGateway;
  let victim: Child;
  before(async () => {
    gateway = await openDistributedGateway({ workers: 1 });
    [victim = assert.fail('no worker')] = gateway.workers;
  });
  after(() => gateway[Symbol.asyncDispose]());

  for (const { how, signal } of [
    { how: 'kill -9', signal: 'SIGKILL' },
    { how: 'SIGSTOP, and SIGCONT when its work is done by another', signal: 'SIGSTOP' },
  ] as const) {
    test(
      `${how}: no whole request fails, no stream is mixed, nothing is booked twice`,
      { timeout: 90_000 },
      async (t) => {
        gateway.simulator.clearBilled();
        const key = await gateway.newKey();
        // Streams come slowly, everything else not at all.
        gateway.simulator.setBehaviour({ delayMs: 60_000, gapMs: 100 });
        const askedAt = Date.now();
        const running = Array.from({ length: inFlight }, (_, index) => ask(gateway, key, index));
        await waitUntil(() => gateway.simulator.callsInFlight() === inFlight, { what: 'all calls at the provider' });
        const beginMs = Date.now() - askedAt;
        const lost = victim;
        victim = await gateway.startWorker();
        gateway.simulator.setBehaviour({});
        lost.signal(signal);
        const lostAt = Date.now();
        const seen = await Promise.all(running);
        if (signal === 'SIGSTOP') lost.signal('SIGCONT');

        const failed = seen.filter(({ stream, error }) => !stream && error !== null);
        assert.deepEqual(failed, [], 'whole requests that failed');
        const untold = seen.filter(({ error }) => error !== null && !/interrupted/.test(error));
        assert.deepEqual(untold, [], 'streams that ended without the word for it');

        const calls = gateway.simulator.billed();
        const again = calls.filter(({ startedAt }) => startedAt > lostAt).map(({ startedAt }) => startedAt - lostAt);
        assert.equal(again.length, (inFlight * 3) / 4, 'calls that were made again');
        const took = `begun in ${beginMs} ms, taken over after ${Math.min(...again)} to ${Math.max(...again)} ms`;
        t.diagnostic(`${again.length}: ${took}`);
        assert.ok(Math.min(...again) <= takeoverMsMax && Math.max(...again) <= takeoverMsMax + beginMs, took);

        const books = await waitUntil(
          async () => {
            assert.equal(gateway.simulator.callsInFlight(), 0);
            const compared = compareWithBill(gateway.simulator.billed(), await spendRows(gateway, key));
            assert.deepEqual(compared.unbooked, [], 'billed and not in the books');
            return compared;
          },
          { what: 'the books to hold every billed call', deadlineMs: 20_000 },
        );
        assert.deepEqual(books.twice, []);
        assert.deepEqual(books.differing, []);
        await assertReconciled(gateway);

        // The model writes the same for the same prompt.
        const whole = await Promise.all(seen.map((_, index) => ask(gateway, key, index)));
        for (const [index, { text, error }] of seen.entries()) {
          const expected = whole[index]?.text ?? '';
          assert.ok(expected.length > 0);
          if (error === null) assert.equal(text, expected);
          else assert.ok(expected.startsWith(text), `"${text}" is no beginning of "${expected}"`);
        }
      },
    );
  }
});

async function ask(gateway: DistributedGateway, key: string, index: number): Promise<Seen> {
  const stream = index % 2 === 1;
  // A stream of which nothing has come yet is answered like a whole request: half of them wait as those do.
  const steering = index % 4 === 1 ? { outputTokens: 300, delayMs: 0 } : { outputTokens: 20 };
  const prompt = `request ${index} #sim ${JSON.stringify(steering)}`;
  const body = { model: 'llama', messages: [{ role: 'user' as const, content: prompt }], max_tokens: 500 };
  const client = gateway.client(key);
  let text = '';
  try {
    if (!stream) {
      const { choices } = await client.chat.completions.create(body);
      return { stream, text: choices[0]?.message.content ?? '', error: null };
    }
    for await (const { choices } of await client.chat.completions.create({ ...body, stream })) {
      text += choices[0]?.delta.content ?? '';
    }
    return { stream, text, error: null };
  } catch (error) {
    return { stream, text, error: String(error) };
  }
}
