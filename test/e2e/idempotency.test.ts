import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { connect, createServer } from 'node:net';
import OpenAI from 'openai';
import { z } from 'zod';
import { spendRows } from '../faults/books.ts';
import { endpointOcid } from '../oci-simulator/models.ts';
import { freePort } from '../servers/free-port.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { chat, chatBody, errorOf, post, replyOf } from './ask.ts';
import type { Reply } from './ask.ts';
import { gateways, openDistributedGateway } from './gateway.ts';
import type { DistributedGateway, TestGateway } from './gateway.ts';

const Identified = z.looseObject({ id: z.string() });
const rerankModel = 'cohere.rerank.v3-5';
const models = {
  rank: {
    model: `oci/${rerankModel}`,
    oci_serving_mode: 'DEDICATED',
    oci_endpoint_id: endpointOcid(rerankModel),
    input_cost_per_query: 0.002,
  },
  guard: { model: 'oci/guardrails', input_cost_per_token: 1e-7 },
};
const tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather at a place',
    parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
  },
};
const say = (content: string) => [{ role: 'user', content }];
const sea = say('Tell me about the sea. #sim {"outputTokens":30}');
const slowSea = say('Tell me about the sea. #sim {"outputTokens":12,"delayMs":700}');
const slowStream = say('Tell me about the sea. #sim {"outputTokens":15,"gapMs":40}');

/** Every kind of answer that a route gives. */
const asked = [
  { what: 'a whole answer', path: '/v1/chat/completions', body: { model: 'llama', messages: sea } },
  {
    what: 'a stream',
    path: '/v1/chat/completions',
    body: { model: 'grok', messages: sea, stream: true, stream_options: { include_usage: true } },
  },
  {
    what: 'a tool call',
    path: '/v1/chat/completions',
    body: { model: 'command-a', messages: say('What is the weather in Tokyo? Use the tool.'), tools: [tool] },
  },
  {
    what: 'a streamed tool call',
    path: '/v1/chat/completions',
    body: { model: 'llama', messages: say('What is the weather in Rome? Use the tool.'), tools: [tool], stream: true },
  },
  { what: 'a legacy completion', path: '/v1/completions', body: { model: 'llama', prompt: 'The sea', max_tokens: 9 } },
  { what: 'an embedding', path: '/v1/embeddings', body: { model: 'embed', input: ['the sea', 'the mill'] } },
  { what: 'a reranking', path: '/v1/rerank', body: { model: 'rank', query: 'sea', documents: ['the sea', 'a mill'] } },
  { what: 'a moderation', path: '/v1/moderations', body: { model: 'guard', input: 'Hello.' } },
] as const;

const unlike = /^(date|x-litellm-(key-spend|response-duration-ms|timeout)|x-ratelimit-|connection|keep-alive|transfer)/;
const lasting = ({ headers }: Reply) =>
  Object.fromEntries([...headers].filter(([name]) => !unlike.test(name) && name !== 'idempotent-replayed'));
const isReplay = ({ headers }: Reply) => headers.get('idempotent-replayed') === 'true';
const keyed = (idempotencyKey: string) => ({ headers: { 'idempotency-key': idempotencyKey } });

for (const { mode, open } of gateways) {
  describe(`${mode}: Idempotency-Key`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open({ models });
    });
    after(() => gateway[Symbol.asyncDispose]());

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

/** Passes connections on to the gateway, and resets the first one when `isTime`. */
async function openResettingProxy(
  target: string,
  isTime: () => boolean,
): Promise<AsyncDisposable & { url: string; resets: () => number }> {
  const { hostname, port: targetPort } = new URL(target);
  const port = await freePort();
  let resets = 0;
  const sockets = new Set<{ destroy: () => void }>();
  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.pipe(upstream).pipe(client);
    const resetInTime = async () => {
      await waitUntil(isTime, { what: 'the time for a reset' });
      resets += 1;
      client.resetAndDestroy();
    };
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    if (sockets.size > 2) return;
    client.once('data', () => {
      void resetInTime();
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(port, '127.0.0.1', listening.resolve);
  await listening.promise;
  return {
    url: `http://127.0.0.1:${port}`,
    resets: () => resets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

const ours = { skip: notOurs('REDIS_URL') };

describe('distributed: Idempotency-Key across ingresses', () => {
  let gateway: DistributedGateway;
  before(async () => {
    gateway = await openDistributedGateway();
  });
  after(() => gateway[Symbol.asyncDispose]());

  const at = (url: string, key: string, idempotencyKey: string, fields: Record<string, unknown>) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'idempotency-key': idempotencyKey },
      body: JSON.stringify(chatBody(fields)),
    }).then(replyOf);
  const isRunning = () => waitUntil(() => gateway.simulator.callsInFlight() > 0, { what: 'the call' });

  test('a retry at another ingress waits for the one that runs', async () => {
    await using other = await gateway.startIngress();
    gateway.simulator.clearBilled();
    const [key, idempotencyKey] = [await gateway.newKey(), randomUUID()];
    const first = at(gateway.url, key, idempotencyKey, { messages: slowSea });
    await isRunning();
    const second = at(other.url, key, idempotencyKey, { messages: slowSea });
    assert.equal((await second).text, (await first).text);
    assert.deepEqual([isReplay(await first), isReplay(await second)], [false, true]);
    assert.equal(gateway.simulator.billed().length, 1);
  });

  for (const stream of [false, true]) {
    test(`the ingress is killed while it runs: another gives the answer, ${stream ? 'streamed' : 'whole'}`, async () => {
      const victim = await gateway.startIngress();
      gateway.simulator.clearBilled();
      const [key, idempotencyKey] = [await gateway.newKey(), randomUUID()];
      const messages = stream ? slowStream : slowSea;
      const lost = at(victim.url, key, idempotencyKey, { messages, stream });
      await isRunning();
      victim.signal('SIGKILL');
      await assert.rejects(lost);
      const reply = await at(gateway.url, key, idempotencyKey, { messages, stream });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(isReplay(reply), true);
      assert.equal(gateway.simulator.billed().length, 1);
      const rows = await waitUntil(
        async () => {
          const found = await spendRows(gateway, key);
          return found.length > 0 && found;
        },
        { what: 'the spend row' },
      );
      assert.deepEqual(
        rows.map(({ status }) => status),
        ['success'],
      );
    });
  }

  test('Redis is killed: 503 within a second, nothing is called, and service returns by itself', ours, async () => {
    const [key, idempotencyKey] = [await gateway.newKey(), randomUUID()];
    const send = () => at(gateway.url, key, idempotencyKey, { messages: sea });
    assert.equal((await send()).status, 200);
    gateway.simulator.clearBilled();
    await gateway.servers.redis.kill('SIGKILL');
    await waitUntil(async () => (await send()).status === 503, { what: 'a refusal' });
    const askedAt = performance.now();
    const refused = await send();
    assert.ok(performance.now() - askedAt < 1_000);
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assert.equal(gateway.simulator.billed().length, 0);
    await gateway.servers.redis.start();
    await waitUntil(async () => (await send()).status === 200, { what: 'Redis to be back' });
  });
});
