import { createMemoryCooldownStore } from '../../src/adapters/memory/memory-cooldown-store.ts';
import { cooldownStoreConformance } from '../conformance/cooldown-store.ts';

cooldownStoreConformance('memory', async () => {
  const store = createMemoryCooldownStore();
  return { one: store, other: store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});
