import { createMemoryModelCatalog } from '../../src/adapters/memory/memory-model-catalog.ts';
import { modelCatalogConformance } from '../conformance/model-catalog.ts';

modelCatalogConformance('memory', async () => {
  const errors: unknown[] = [];
  const catalog = createMemoryModelCatalog((error) => errors.push(error));
  return { ingress: catalog, worker: catalog, errors, [Symbol.asyncDispose]: async () => {} };
});
