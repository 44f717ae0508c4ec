import { createMemoryTokenBus } from '../../src/adapters/memory/memory-token-bus.ts';
import { tokenBusConformance } from '../conformance/token-bus.ts';

tokenBusConformance('memory', async () => {
  const bus = createMemoryTokenBus();
  return { ingress: bus, worker: bus, [Symbol.asyncDispose]: async () => {} };
});
