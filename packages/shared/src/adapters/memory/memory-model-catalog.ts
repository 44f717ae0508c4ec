import type { CatalogPlace } from '../../contracts/model-catalog.ts';
import { catalogTimeLimitMs } from '../../ports/model-catalog.ts';
import type { ModelCatalog } from '../../ports/model-catalog.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { catalogAnswer, placesIn } from '../catalog-answer.ts';

/**
 * The model catalog within one process: the same bytes through the same codec as on NATS.
 *
 * @param onError told of answers that failed or could not be given whole
 */
export function createMemoryModelCatalog(onError: (error: unknown) => void): ModelCatalog {
  const answering = new Set<() => Promise<readonly CatalogPlace[]>>();
  return {
    async list() {
      const ask = async () => {
        const [list] = answering;
        if (list === undefined) throw new Error('there is no worker');
        return placesIn(await catalogAnswer(list, onError));
      };
      return withTimeLimit('model catalog', catalogTimeLimitMs, ask());
    },
    async answer(list) {
      const entry = () => list();
      answering.add(entry);
      return { [Symbol.asyncDispose]: async () => void answering.delete(entry) };
    },
  };
}
