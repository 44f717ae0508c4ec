import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../servers/free-port.ts';
import { openInspectedHeap } from '../servers/inspected-heap.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { openDistributedGateway } from './gateway.ts';

/** As many as a worker calls at a time at first. */
const waiting = 20;
const promptBytes = 360_000;
/** Of whatever else a request has: its connection, its answer's beginning. */
const keptBytesMax = promptBytes / 4;

interface Asked {
  readonly path: string;
  readonly body: (prompt: string) => object;
}

const chat = (prompt: string) => ({ messages: [{ role: 'user', content: prompt }] });
const requests: readonly Asked[] = [
  { path: '/v1/chat/completions', body: chat },
  { path: '/v1/chat/completions', body: (prompt) => ({ ...chat(prompt), stream: true }) },
  { path: '/v1/completions', body: (prompt) => ({ prompt }) },
];

test('a request that waits for its answer keeps nothing of its prompt in the ingress', async (t) => {
  await using gateway = await openDistributedGateway();
  const inspector = await freePort();
  const ingress = await gateway.startIngress([`--inspect=127.0.0.1:${inspector}`]);
  using heap = await openInspectedHeap(inspector);
  const [model] = gateway.aliases;
  const headers = { authorization: `Bearer ${gateway.masterKey}`, 'content-type': 'application/json' };
  const ask = async ({ path, body }: Asked, prompt: string, signal: AbortSignal | null = null) => {
    const json = JSON.stringify({ ...body(prompt), model });
    const response = await fetch(`${ingress.url}${path}`, { method: 'POST', headers, signal, body: json });
    assert.equal(response.status, 200, await response.text());
  };
  for (const request of requests) await ask(request, 'What is loaded once is loaded before anything is measured.');

  gateway.simulator.setBehaviour({ delayMs: 60_000 });
  const prompt = 'A prompt of many tokens '.repeat(promptBytes / 24);
  for (const request of requests) {
    const before = await heap.usedBytes();
    const leave = new AbortController();
    const asked = Array.from({ length: waiting }, () => ask(request, prompt, leave.signal).catch(() => null));
    await waitUntil(() => gateway.simulator.callsInFlight() === waiting, { what: 'all of them with the provider' });
    const kept = ((await heap.usedBytes()) - before) / waiting;
    t.diagnostic(`${request.path}: ${(kept / 1024).toFixed(0)} KiB a request`);
    assert.ok(kept < keptBytesMax, `${kept} bytes of a prompt of ${promptBytes}`);
    leave.abort();
    await Promise.all(asked);
    await waitUntil(() => gateway.simulator.callsInFlight() === 0, { what: 'calls that were stopped' });
  }
});
