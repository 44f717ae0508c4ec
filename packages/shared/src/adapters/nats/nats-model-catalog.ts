import type { Msg, NatsConnection } from 'nats';
import type { CatalogPlace } from '../../contracts/model-catalog.ts';
import { subjects } from '../../contracts/subjects.ts';
import { catalogTimeLimitMs } from '../../ports/model-catalog.ts';
import { pingNats } from './open-nats.ts';
import type { ModelCatalog } from '../../ports/model-catalog.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { catalogAnswer, placesIn } from '../catalog-answer.ts';

/** Each question goes to one worker: they all know the same. */
const queueGroup = 'workers';

/**
 * The model catalog as request and reply over NATS core. Without a worker the server itself says so, at once.
 *
 * @param nats stays the caller's to close
 * @param onError told of answers that failed or could not be sent whole
 */
export function createNatsModelCatalog(nats: NatsConnection, onError: (error: unknown) => void): ModelCatalog {
  return {
    async list() {
      const ask = async () => {
        const reply = await nats.request(subjects.catalog, undefined, { timeout: catalogTimeLimitMs });
        return placesIn(reply.data);
      };
      return withTimeLimit('model catalog', catalogTimeLimitMs, ask());
    },
    async answer(list) {
      const subscription = nats.subscribe(subjects.catalog, {
        queue: queueGroup,
        callback: (error, message) => {
          if (error) return onError(error);
          void respond(message, list);
        },
      });
      await nats.flush(); // the server answers PING only after it has taken SUB
      return {
        async [Symbol.asyncDispose]() {
          subscription.unsubscribe();
          // Else a question may still be handed to nobody. A connection that is gone has unsubscribed by that.
          await pingNats(nats).catch(() => undefined);
        },
      };
    },
  };

  async function respond(message: Msg, list: () => Promise<readonly CatalogPlace[]>): Promise<void> {
    const bytes = await catalogAnswer(list, onError);
    try {
      message.respond(bytes);
    } catch (error) {
      onError(error); // the connection has been closed meanwhile
    }
  }
}
