import { after, before } from 'node:test';
import { createNatsTokenBus } from '../../src/adapters/nats/nats-token-bus.ts';
import { openNats } from '../../src/adapters/nats/open-nats.ts';
import { openNatsServer } from '../../../../test/servers/nats.ts';
import { tokenBusConformance } from '../conformance/token-bus.ts';

let server: Awaited<ReturnType<typeof openNatsServer>>;
before(async () => {
  server = await openNatsServer();
});
after(() => server[Symbol.asyncDispose]());

tokenBusConformance('NATS', async () => {
  const stack = new AsyncDisposableStack();
  const open = async (name: string) =>
    createNatsTokenBus(stack.use(await openNats({ url: server.url, name })), () => {});
  const [ingress, worker] = [await open('ingress'), await open('worker')];
  return { ingress, worker, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});
