import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { spendRows } from '../../faults/books.ts';
import { notOurs } from '../../servers/server.ts';
import { waitUntil } from '../../servers/wait-until.ts';
import { chatBody, replyOf } from '../ask.ts';
import type { DistributedGateway } from '../gateway.ts';
import { isReplay, sea, slowSea, slowStream } from '../idempotent-requests.ts';
import type { SharedIngresses } from '../two-ingresses.ts';

const ours = { skip: notOurs('REDIS_URL') };

/** The last of its gateway's suites: Redis, which it kills, has forgotten what they left there. */
export function idempotencyAcrossIngresses({ open }: SharedIngresses): void {
  describe('distributed: Idempotency-Key across ingresses', () => {
    let gateway: DistributedGateway;
    before(async () => {
      ({ here: gateway } = await open());
    });

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
}
