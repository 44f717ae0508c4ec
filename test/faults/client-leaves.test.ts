import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { metricsToken, openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway } from '../e2e/gateway.ts';
import type { Service } from '../servers/service.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { spendRows } from './books.ts';

const clients = 20;
/** From the end of the client's connection to the end of the provider's. */
const stoppedWithinMs = 250;

/** What the client has of its answer when it leaves. */
const cases = [
  { name: 'a stream that is being read', model: 'llama', stream: true, begun: true },
  { name: 'a stream before its first token', model: 'llama', stream: true, begun: false },
  { name: 'a whole answer', model: 'llama', stream: false, begun: false },
  { name: 'a stream before its first token, with others to try', model: 'chain', stream: true, begun: false },
];

/** Calls that `few` takes at a time. */
const running = 4;
const models = {
  chain: { model: 'oci/meta.llama-3.3-70b-instruct' },
  few: { model: 'oci/meta.llama-3.3-70b-instruct', max_parallel_requests: running },
};

describe('a client that leaves', { timeout: 180_000 }, () => {
  let gateway: DistributedGateway;
  before(async () => {
    const config = { router_settings: { num_retries: 3, fallbacks: [{ chain: ['grok', 'command-a'] }] } };
    gateway = await openDistributedGateway({ config, models });
  });
  after(() => gateway[Symbol.asyncDispose]());

  test('its call is stopped within a quarter of a second, and no other is made for it', async (t) => {
    const { simulator } = gateway;
    for (const { name, model, stream, begun } of cases) {
      const key = await gateway.newKey();
      simulator.clearBilled();
      simulator.setBehaviour(begun ? { gapMs: 50, outputTokens: 1_000 } : { delayMs: 60_000 });
      const took: number[] = [];
      for (let nth = 1; nth <= clients; nth += 1) {
        const sent = ask(gateway, key, { model, stream });
        if (begun) await firstBytes(sent);
        else await waitUntil(() => simulator.callsInFlight() === 1, { what: 'the call at the provider' });
        const leftAt = Date.now();
        sent.destroy();
        await waitUntil(() => simulator.billed().length === nth, { what: 'the call stopped' });
        took.push((simulator.billed().at(-1)?.endedAt ?? Number.NaN) - leftAt);
      }
      const inOrder = took.toSorted((a, b) => a - b);
      t.diagnostic(`${name}: median ${inOrder[clients / 2]} ms, most ${inOrder.at(-1)} ms, of ${clients}`);
      assert.ok(Math.max(...took) <= stoppedWithinMs, `${name}: ${took.join(' ')} ms`);

      // Once a request is booked nothing more is made for it.
      const rows = await booked(gateway, key, clients);
      assert.ok(rows.every(({ metadata }) => metadata.sluice.outcome === 'cut' && metadata.sluice.call === 1));
      assert.ok(simulator.billed().every(({ completed }) => !completed));
      assert.equal(simulator.billed().length + simulator.callsInFlight(), clients, 'calls at the provider');
    }
  });

  for (const action of ['stop', 'finish'] as const) {
    test(`on_client_gone: ${action}: those who wait are out of the line, and are never called for`, async (t) => {
      const [first = assert.fail('no worker')] = gateway.workers;
      if (action === 'stop') return leaveTheLine(t, { gateway, worker: first, action });
      // It is the workers who obey it.
      await first.stop();
      const worker = await gateway.startWorker({ sluice_settings: { on_client_gone: action } });
      return leaveTheLine(t, { gateway, worker, action });
    });
  }
});

interface Leaving {
  readonly gateway: DistributedGateway;
  readonly worker: Service;
  readonly action: 'stop' | 'finish';
}

async function leaveTheLine(t: TestContext, { gateway, worker, action }: Leaving): Promise<void> {
  const { simulator } = gateway;
  const [first, second] = [await gateway.newKey(), await gateway.newKey()];
  simulator.clearBilled();
  simulator.setBehaviour({});
  const callMs = action === 'stop' ? 60_000 : 6_000;
  const asked = Array.from({ length: running }, () =>
    ask(gateway, first, { model: 'few', delayMs: callMs, stream: false }),
  );
  await waitUntil(() => simulator.callsInFlight() === running, { what: 'as many calls as may be' });
  const waiting = Array.from({ length: clients }, () => ask(gateway, second, { model: 'few', stream: false }));
  await waitUntil(
    async () => {
      const { queue, gate } = await inLine(gateway, worker);
      assert.equal(queue + gate, clients);
      assert.ok(queue > 0 && gate > 0, `${gate} of ${clients} wait in the worker`);
      return true;
    },
    { what: 'the others in line' },
  );

  const leftAt = Date.now();
  for (const sent of waiting) sent.destroy();
  await waitUntil(
    async () => {
      assert.deepEqual(await inLine(gateway, worker), { queue: 0, gate: 0 });
      return true;
    },
    { what: 'nobody in line' },
  );
  t.diagnostic(`${clients} that waited were out of the line after ${Date.now() - leftAt} ms`);
  assert.equal(simulator.callsInFlight(), running, 'and no place came free for them');
  const rows = await booked(gateway, second, clients);
  assert.ok(rows.every(({ spend, metadata }) => spend === 0 && metadata.sluice.outcome === 'failed'));

  for (const sent of asked) sent.destroy();
  const ended = await booked(gateway, first, running);
  const outcome = action === 'stop' ? 'cut' : 'completed';
  assert.ok(ended.every(({ metadata }) => metadata.sluice.outcome === outcome));
  assert.ok(ended.every(({ metadata }) => metadata.sluice.estimated === (action === 'stop')));
  // Who comes now has a place at once, and was the next to be called for.
  const next = await gateway.client(first).chat.completions.create({ model: 'few', messages: [hello] });
  assert.ok(next.choices[0]?.message.content);
  assert.equal(simulator.billed().length, running + 1, 'calls at the provider');
}

const hello = { role: 'user' as const, content: 'Hello.' };

function ask(
  { url }: DistributedGateway,
  key: string,
  { model = 'llama', stream, delayMs }: { model?: string; stream: boolean; delayMs?: number },
): ClientRequest {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const sent = request(`${url}/v1/chat/completions`, { method: 'POST', headers, agent: false });
  sent.on('error', () => {}); // it is destroyed
  const content = delayMs === undefined ? 'Hello.' : `#sim ${JSON.stringify({ delayMs })}`;
  sent.end(JSON.stringify({ model, messages: [{ ...hello, content }], max_tokens: 1_000, stream }));
  return sent;
}

function firstBytes(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    sent.on('response', (response) => response.once('data', () => resolve()).once('error', () => {}));
  });
}

/** Who waits, in the queue and in the worker. */
async function inLine(gateway: DistributedGateway, worker: Service) {
  const headers = { authorization: `Bearer ${metricsToken}` };
  const urls = [gateway.url, `http://127.0.0.1:${worker.port}`];
  const pages = urls.map((url) => fetch(`${url}/metrics`, { headers }));
  const [ingress = '', own = ''] = await Promise.all(pages.map(async (page) => (await page).text()));
  const read = (text: string, name: string) =>
    Number(new RegExp(`^${name}\\{[^}]*alias="few"[^}]*\\} (\\S+)`, 'm').exec(text)?.[1]);
  return { queue: read(ingress, 'sluice_queue_depth'), gate: read(own, 'sluice_worker_calls_waiting') };
}

function booked(gateway: DistributedGateway, key: string, count: number) {
  return waitUntil(
    async () => {
      const rows = await spendRows(gateway, key);
      assert.equal(rows.length, count);
      return rows;
    },
    { what: 'a row for each' },
  );
}
