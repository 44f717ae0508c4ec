import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { z } from 'zod';
import { spendRows } from '../../faults/books.ts';
import { waitUntil } from '../../servers/wait-until.ts';
import { chat, errorOf, post } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import { asked, isReplay, keyed, lasting, slowSea, slowStream } from '../idempotent-requests.ts';
import { openResettingProxy } from '../resetting-proxy.ts';
import type { SharedGateway } from './shared-gateway.ts';

const Identified = z.looseObject({ id: z.string() });
export function idempotency({ mode, open }: SharedGateway): void {
  describe(`${mode}: Idempotency-Key`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open();
    });

    /** A new virtual key on a clean bill, and what has been booked on it by the time that `rows` are there. */
    const start = async (fields: Record<string, unknown> = {}) => {
      gateway.simulator.clearBilled();
      const key = await gateway.newKey(fields);
      const booked = (rows: number) =>
        waitUntil(
          async () => {
            const found = await spendRows(gateway, key);
            return found.length >= rows && found;
          },
          { what: `${rows} spend rows` },
        );
      return { key, idempotencyKey: randomUUID(), booked };
    };
    const billed = () => gateway.simulator.billed().length;
    const isRunning = () => waitUntil(() => gateway.simulator.callsInFlight() > 0, { what: 'the call' });

    for (const { what, path, body } of asked) {
      test(`${what} is given again to the letter, and paid for once`, async () => {
        const { key, idempotencyKey, booked } = await start();
        const send = (text: unknown = body) => post(gateway, path, text, { key, ...keyed(idempotencyKey) });
        const first = await send();
        assert.equal(first.status, 200, first.text);
        assert.equal(isReplay(first), false);
        const again = await send();
        const reordered = await send(Object.fromEntries(Object.entries(body).toReversed()));
        for (const replay of [again, reordered]) {
          assert.equal(replay.status, 200, replay.text);
          assert.equal(replay.text, first.text);
          assert.equal(isReplay(replay), true);
          assert.deepEqual(lasting(replay), lasting(first));
        }
        assert.equal(billed(), 1);
        await booked(1);

        const anew = await post(gateway, path, body, { key, ...keyed(randomUUID()) });
        assert.equal(anew.status, 200);
        assert.equal(isReplay(anew), false);
        assert.equal(billed(), 2, 'another idempotency key is another request');
        assert.equal((await booked(2)).length, 2);
      });
    }

    for (const { what, messages, stream } of [
      { what: 'whole', messages: slowSea, stream: false },
      { what: 'streamed', messages: slowStream, stream: true },
    ]) {
      test(`fifty at once, ${what}: one call, one row, fifty equal answers`, async () => {
        const { key, idempotencyKey, booked } = await start({ rpm_limit: 1 });
        const replies = await Promise.all(
          Array.from({ length: 50 }, () => chat(gateway, key, { messages, stream }, keyed(idempotencyKey))),
        );
        const [first] = replies;
        for (const { status, text } of replies) assert.deepEqual({ status, text }, { status: 200, text: first?.text });
        assert.equal(replies.filter(isReplay).length, 49);
        assert.equal(billed(), 1);
        assert.equal((await booked(1)).length, 1);
      });
    }

    test('another body is 409, while the first runs and after it; the client is told not to retry', async () => {
      const { key, idempotencyKey } = await start();
      const first = chat(gateway, key, { messages: slowSea }, keyed(idempotencyKey));
      await isRunning();
      const other = () => chat(gateway, key, { messages: slowSea, stream: true }, keyed(idempotencyKey));
      const early = await other();
      const { id } = Identified.parse(JSON.parse((await first).text));
      for (const refused of [early, await other()]) {
        assert.equal(refused.status, 409);
        const { type, message, param, code } = errorOf(refused);
        assert.deepEqual([type, param, code], ['idempotency_error', 'idempotency-key', '409']);
        assert.ok(message.includes(id), 'it names the request');
        assert.equal(refused.headers.get('x-should-retry'), 'false');
      }
      assert.equal(billed(), 1);
    });

    test('virtual keys and routes do not share idempotency keys', async () => {
      const { key, idempotencyKey } = await start();
      const other = await gateway.newKey();
      const embed = { model: 'embed', input: 'the sea' };
      const replies = [
        await chat(gateway, key, {}, keyed(idempotencyKey)),
        await chat(gateway, other, { max_tokens: 5 }, keyed(idempotencyKey)),
        await chat(gateway, gateway.masterKey, { max_tokens: 6 }, keyed(idempotencyKey)),
        await post(gateway, '/v1/embeddings', embed, { key, ...keyed(idempotencyKey) }),
      ];
      assert.deepEqual(
        replies.map((reply) => [reply.status, isReplay(reply)]),
        replies.map(() => [200, false]),
      );
    });

    for (const idempotencyKey of ['', 'two words', 'x'.repeat(256)]) {
      test(`a key that is none is 400: ${JSON.stringify(idempotencyKey.slice(0, 10))}`, async () => {
        const { key } = await start();
        const refused = await chat(gateway, key, {}, keyed(idempotencyKey));
        assert.equal(refused.status, 400);
        assert.equal(errorOf(refused).param, 'idempotency-key');
        assert.equal(billed(), 0);
      });
    }

    test('an error that cost nothing is not kept: the retry runs', async () => {
      const { key, idempotencyKey } = await start();
      const send = () => chat(gateway, key, { num_retries: 0 }, keyed(idempotencyKey));
      gateway.simulator.enqueueFaults([{ behaviour: { fail: { status: 503 } } }]);
      const failed = await send();
      assert.equal(failed.status, 503, failed.text);
      const retried = await send();
      assert.equal(retried.status, 200, retried.text);
      assert.equal(isReplay(retried), false);
    });

    test('a refusal by budget or limit is not kept either', async () => {
      const { key, idempotencyKey } = await start({ rpm_limit: 1, max_budget: 1 });
      assert.equal((await chat(gateway, key)).status, 200);
      const send = () => chat(gateway, key, {}, keyed(idempotencyKey));
      assert.equal((await send()).status, 429);
      const lifted = await post(gateway, '/key/update', { key, rpm_limit: 10 });
      assert.equal(lifted.status, 200, lifted.text);
      const retried = await waitUntil(
        async () => {
          const reply = await send();
          return reply.status === 200 && reply;
        },
        { what: 'the new limit' },
      );
      assert.equal(isReplay(retried), false);
    });

    test('an answer that broke off after it had cost something is given again as it was', async () => {
      const { key, idempotencyKey, booked } = await start();
      gateway.simulator.enqueueFaults([{ behaviour: { resetAfterEvents: 5, gapMs: 5, outputTokens: 30 } }]);
      const send = () => chat(gateway, key, { stream: true, num_retries: 0 }, keyed(idempotencyKey));
      const first = await send();
      assert.match(first.text, /"error":/);
      assert.doesNotMatch(first.text, /\[DONE\]/);
      const again = await send();
      assert.equal(again.text, first.text);
      assert.equal(again.headers.get('x-should-retry'), 'false');
      assert.equal(billed(), 1);
      assert.equal((await booked(1)).length, 1);
    });

    for (const stream of [false, true]) {
      test(`a client that leaves finds its answer when it comes back, ${stream ? 'streamed' : 'whole'}`, async () => {
        const { key, idempotencyKey, booked } = await start();
        const messages = stream ? slowStream : slowSea;
        const leaving = new AbortController();
        const init = { ...keyed(idempotencyKey), signal: leaving.signal };
        const left = chat(gateway, key, { messages, stream }, init);
        await isRunning();
        const attached = chat(gateway, key, { messages, stream }, keyed(idempotencyKey));
        leaving.abort();
        await assert.rejects(left);
        const back = chat(gateway, key, { messages, stream }, keyed(idempotencyKey));
        for (const reply of [await attached, await back]) {
          assert.equal(reply.status, 200, reply.text);
          assert.equal(isReplay(reply), true);
          if (stream) assert.match(reply.text, /data: \[DONE\]\n\n$/);
        }
        const [row, ...others] = await booked(1);
        assert.deepEqual([row?.status, row?.metadata.sluice.outcome, others], ['success', 'completed', []]);
        assert.equal(billed(), 1);
      });
    }

    test('the openai SDK, its connection reset: the retry that it makes by itself costs nothing', async () => {
      const { key, booked } = await start();
      await using proxy = await openResettingProxy(gateway.url, () => gateway.simulator.callsInFlight() > 0);
      const client = new KeyedOpenAI({ baseURL: `${proxy.url}/v1`, apiKey: key, maxRetries: 2 });
      const { data, response } = await client.chat.completions
        .create({ model: 'llama', messages: [{ role: 'user', content: slowSea[0]?.content ?? '' }] })
        .withResponse();
      assert.equal(proxy.resets(), 1);
      assert.ok((data.choices[0]?.message.content ?? '').length > 0);
      assert.equal(response.headers.get('idempotent-replayed'), 'true');
      assert.equal(billed(), 1);
      assert.equal((await booked(1)).length, 1);
    });
  });
}

/** The SDK makes keys of its own for retries once it knows the header's name. */
class KeyedOpenAI extends OpenAI {
  protected override readonly idempotencyHeader = 'Idempotency-Key';
}
