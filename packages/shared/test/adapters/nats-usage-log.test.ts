import { openNatsUsageLog, openNatsUsageSource } from '../../src/adapters/nats/nats-usage-log.ts';
import { openNats } from '../../src/adapters/nats/open-nats.ts';
import { openNatsServer } from '../../../../test/servers/nats.ts';
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
