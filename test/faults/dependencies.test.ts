import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openDistributedGateway } from '../e2e/gateway.ts';
import type { DistributedGateway } from '../e2e/gateway.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';

const refusedWithinMs = 1_000;

function body(content: string): string {
  return JSON.stringify({ model: 'llama', messages: [{ role: 'user', content }], max_tokens: 20 });
}

describe('a dependency that dies', () => {
  let gateway: DistributedGateway;
  let key: string;
  before(async () => {
    gateway = await openDistributedGateway();
    key = await gateway.newKey();
  });
  after(() => gateway[Symbol.asyncDispose]());
  const ask = (content = 'Hello.') =>
    gateway.request('/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body(content),
    });
  const answers = (what: string) => waitUntil(async () => (await ask()).status === 200, { what, deadlineMs: 20_000 });

  for (const name of ['redis', 'nats'] as const) {
    const variable = name === 'redis' ? 'REDIS_URL' : 'NATS_URL';
    test(
      `${name}: 503 with retry-after within a second; service returns by itself`,
      { skip: notOurs(variable) },
      async () => {
        await answers('an answer before');
        gateway.simulator.clearBilled();
        await gateway.servers[name].kill('SIGKILL');
        // The first request may be on its way when the death is noticed; from then on the refusal is quick.
        await waitUntil(async () => (await ask()).status === 503, { what: 'a refusal' });
        const startedAt = performance.now();
        const refused = await ask();
        const tookMs = performance.now() - startedAt;
        assert.equal(refused.status, 503);
        assert.ok(Number(refused.headers.get('retry-after')) >= 1);
        assert.ok(tookMs < refusedWithinMs, `refused after ${Math.round(tookMs)} ms`);
        await gateway.servers[name].start();
        await answers(`an answer after ${name} is back`);
      },
    );
  }

  test('postgres: a known key keeps working, its usage waits, and is booked when the database is back', async () => {
    await answers('an answer before');
    gateway.simulator.clearBilled();
    await gateway.servers.postgres.kill('SIGKILL');
    assert.equal((await ask('while the database is away')).status, 200);
    await gateway.servers.postgres.start();
    await waitUntil(
      async () => {
        const rows: unknown = await (await gateway.request(`/spend/logs?api_key=${key}`)).json();
        const text = JSON.stringify(rows);
        return gateway.simulator.billed().every(({ callId }) => text.includes(callId));
      },
      { what: 'the call in the books', deadlineMs: 20_000 },
    );
  });
});
