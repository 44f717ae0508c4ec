import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { spendRows } from '../faults/books.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { chat } from './ask.ts';
import { openEmbeddedGateway } from './gateway.ts';
import { isReplay, keyed, sea } from './idempotent-requests.ts';
import { readMetrics, valueOf } from './metrics-page.ts';

test('embedded: kill -9 and a start on the same data: an answer is given again, and what waited runs for its retry', async () => {
  await using gateway = await openEmbeddedGateway({
    ownPostgres: true,
    config: { sluice_settings: { worker_concurrency: 1 } },
  });
  const key = await gateway.newKey({ max_budget: 100 });
  const answered = randomUUID();
  const first = await chat(gateway, key, { messages: sea }, keyed(answered));
  assert.equal(first.status, 200, first.text);

  // One call takes the only place; what comes after it waits in the queue.
  gateway.simulator.setBehaviour({ delayMs: 60_000 });
  const running = chat(gateway, key, { messages: sea });
  await waitUntil(() => gateway.simulator.callsInFlight() === 1, { what: 'the call' });
  const waited = randomUUID();
  const waiting = [chat(gateway, key, { messages: sea }, keyed(waited)), chat(gateway, key, { messages: sea })];
  const depth = async () => valueOf(await readMetrics(gateway.url), 'sluice_queue_depth', 'llama');
  await waitUntil(async () => (await depth()) === 2, { what: 'two jobs in the queue', deadlineMs: 15_000 });
  const lost = Promise.allSettled([running, ...waiting]);
  gateway.child.signal('SIGKILL');
  await gateway.child.exited;
  assert.deepEqual(
    (await lost).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  gateway.simulator.setBehaviour({});
  gateway.simulator.clearBilled();
  await gateway.startAgain();

  const again = await chat(gateway, key, { messages: sea }, keyed(answered));
  assert.equal(again.text, first.text);
  assert.equal(isReplay(again), true);
  const retried = await chat(gateway, key, { messages: sea }, keyed(waited));
  assert.equal(retried.status, 200, retried.text);
  assert.equal(isReplay(retried), true, 'it had run by itself, or was running');
  assert.equal(gateway.simulator.billed().length, 1, 'and nothing else was called for');
  const rows = await waitUntil(
    async () => {
      const found = await spendRows(gateway, key);
      return found.length === 4 && found;
    },
    { what: 'a row for each request' },
  );
  assert.deepEqual(rows.map(({ metadata }) => metadata.sluice.outcome).toSorted(), [
    'completed',
    'completed',
    'cut',
    'failed',
  ]);
});
