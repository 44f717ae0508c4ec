import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { BilledCall } from '../oci-simulator/billing.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { measureGatewayShare } from './gateway-share.ts';
import { compareWithBill, spendRows, type Row } from './books.ts';

const clients = 1_000;
/**
 * From the first client that leaves, on a machine of two cores that is also the clients and the provider. What they, and
 * others, do on it meanwhile does not count.
 */
const stoppedWithinMs = 1_000;

test(`${clients} clients that all leave: calls stop, slots come free, the books are right`, async (t) => {
  await using gateway = await openDistributedGateway({
    workers: 2,
    config: { sluice_settings: { worker_concurrency: clients, upstream_connections: clients } },
  });
  const limits = { max_parallel_requests: clients / 2 };
  const keys = [await gateway.newKey(limits), await gateway.newKey(limits)] as const;
  gateway.simulator.setBehaviour({ delayMs: 60_000, gapMs: 50 });
  let answered = 0;
  const asked = Array.from({ length: clients }, (_, index) => {
    // Every second one reads a stream that has begun; the others wait for their first word.
    const steering = index % 2 === 0 ? {} : { delayMs: 0, outputTokens: 1_000 };
    const content = `request ${index} #sim ${JSON.stringify(steering)}`;
    const body = { model: 'llama', messages: [{ role: 'user', content }], max_tokens: 1_000, stream: index % 2 === 1 };
    const headers = { authorization: `Bearer ${keys[index % 4 < 2 ? 0 : 1]}`, 'content-type': 'application/json' };
    const sent = request(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, agent: false });
    sent.on('response', (response) => response.resume().on('end', () => (answered += 1)));
    sent.on('error', () => {}); // it is destroyed below
    sent.end(JSON.stringify(body));
    return sent;
  });
  await waitUntil(() => gateway.simulator.callsInFlight() === clients, {
    what: 'calls at the provider',
    deadlineMs: 50_000,
  });
  const inFlight = gateway.simulator.callsInFlight();
  assert.equal(answered, 0, 'answers that came before their clients left');
  const gatewayShare = measureGatewayShare();
  const leftAt = Date.now();
  for (const sent of asked) sent.destroy();
  await waitUntil(() => gateway.simulator.callsInFlight() === 0, {
    what: 'no call at the provider',
    deadlineMs: 30_000,
  });
  const tookMs = Date.now() - leftAt;
  const share = gatewayShare();
  const told = `the last one stopped after ${tookMs} ms, of which ${Math.round(tookMs * share)} ms were the gateway's`;
  t.diagnostic(`${inFlight} calls were running; ${told}`);
  assert.ok(tookMs * share <= stoppedWithinMs, told);

  // As many requests as there are slots are let in at once, and none waits for a dead one.
  gateway.simulator.setBehaviour({});
  for (const key of keys) {
    const client = gateway.client(key);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.chat.completions.create(ask)));
    assert.ok(answers.every(({ choices }) => choices[0]?.message.content));
    await waitUntil(
      async () => {
        const rows = await spendRows(gateway, key);
        const billed = gateway.simulator.billed().filter((call) => rows.some((row) => isOf(row, call)));
        const compared = compareWithBill(billed, rows);
        assert.deepEqual([compared.twice, compared.differing, compared.notEstimated], [[], [], []]);
        assert.equal(rows.length, clients / 2 + 20, 'a request without a row');
        return true;
      },
      { what: 'the books to hold every request once', deadlineMs: 30_000 },
    );
  }
  const booked = (await Promise.all(keys.map((key) => spendRows(gateway, key)))).flat();
  assert.deepEqual(compareWithBill(gateway.simulator.billed(), booked).unbooked, [], 'billed and not in the books');
});

function isOf({ request_id }: Row, { clientRequestId }: BilledCall): boolean {
  return clientRequestId?.startsWith(`${request_id}:`) ?? false;
}

const ask = { model: 'llama', messages: [{ role: 'user' as const, content: 'Hello.' }], max_tokens: 20 };
