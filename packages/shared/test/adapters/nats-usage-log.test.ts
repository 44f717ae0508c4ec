import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { openNatsUsageLog, openNatsUsageSource } from '../../src/adapters/nats/nats-usage-log.ts';
import { openNats } from '../../src/adapters/nats/open-nats.ts';
import { streams } from '../../src/contracts/subjects.ts';
import { GatewayError } from '../../src/errors.ts';
import { openNatsServer } from '../../../../test/servers/nats.ts';
import { sampleUsageEvent } from '../conformance/sample-usage-event.ts';
import { usageLogConformance } from '../conformance/usage-log.ts';

usageLogConformance('JetStream', async () => {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await openNatsServer());
  const worker = stack.use(await openNats({ url: server.url, name: 'worker' }));
  const ledger = stack.use(await openNats({ url: server.url, name: 'ledger' }));
  const log = stack.use(await openNatsUsageLog(worker));
  const source = stack.use(await openNatsUsageSource(ledger, { onError: () => {} }));
  return { log, source, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});

const refusals = [
  {
    what: 'whose stream is gone',
    breakIt: async (manager: JetStreamManager) => void (await manager.streams.delete(streams.usage)),
    cause: /jetstream is not enabled/,
  },
  {
    what: 'whose stream is full',
    breakIt: async (manager: JetStreamManager) => void (await manager.streams.update(streams.usage, { max_bytes: 1 })),
    cause: /maximum bytes exceeded/,
  },
];

for (const { what, breakIt, cause } of refusals) {
  test(`JetStream usage log: a log ${what} says so at once, and stores nothing`, async () => {
    await using server = await openNatsServer();
    await using nats = await openNats({ url: server.url, name: 'worker' });
    await using log = await openNatsUsageLog(nats);
    await log.append(sampleUsageEvent());
    await breakIt(await jetstreamManager(nats));
    await assert.rejects(log.append(sampleUsageEvent()), (error: unknown) => {
      assert.ok(error instanceof GatewayError && error.code === 'dependency_unavailable');
      assert.match(String(error.cause), cause);
      return true;
    });
  });
}

test('JetStream usage log: an event that is appended again is stored once', async () => {
  await using server = await openNatsServer();
  await using nats = await openNats({ url: server.url, name: 'worker' });
  await using log = await openNatsUsageLog(nats);
  await using source = await openNatsUsageSource(nats, { onError: () => {} });
  const event = sampleUsageEvent();
  await Promise.all([log.append(event), log.append(event)]);
  assert.equal(await source.backlog(), 1);
});

test('JetStream usage log: a connection that was closed fails what is appended', async () => {
  await using server = await openNatsServer();
  await using nats = await openNats({ url: server.url, name: 'worker' });
  const log = await openNatsUsageLog(nats);
  await nats.close();
  await assert.rejects(log.append(sampleUsageEvent()), { code: 'dependency_unavailable' });
});
