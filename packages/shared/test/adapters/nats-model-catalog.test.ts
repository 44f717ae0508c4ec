import { after, before } from 'node:test';
import { createNatsModelCatalog } from '../../src/adapters/nats/nats-model-catalog.ts';
import { openNats } from '../../src/adapters/nats/open-nats.ts';
import { openNatsServer } from '../../../../test/servers/nats.ts';
import { modelCatalogConformance } from '../conformance/model-catalog.ts';

let server: Awaited<ReturnType<typeof openNatsServer>>;
before(async () => {
  server = await openNatsServer({ jetstream: false });
});
after(() => server[Symbol.asyncDispose]());

modelCatalogConformance('NATS', async () => {
  const stack = new AsyncDisposableStack();
  const errors: unknown[] = [];
  const open = async (name: string) =>
    createNatsModelCatalog(stack.use(await openNats({ url: server.url, name })), (error) => errors.push(error));
  const [ingress, worker] = [await open('ingress'), await open('worker')];
  return { ingress, worker, errors, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});
