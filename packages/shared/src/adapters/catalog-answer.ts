import { catalogAnswerCodec } from '../contracts/model-catalog.ts';
import type { CatalogPlace } from '../contracts/model-catalog.ts';
import { catalogBytesMax } from '../ports/model-catalog.ts';

/**
 * The message that answers a question. It is always one: who asks must not wait for a worker that failed.
 *
 * @param onError told why the answer holds less than it should
 */
export async function catalogAnswer(
  list: () => Promise<readonly CatalogPlace[]>,
  onError: (error: unknown) => void,
): Promise<Uint8Array> {
  try {
    const places = await list();
    const fitting = thatFit(places);
    if (fitting.length < places.length) {
      onError(new Error(`only ${fitting.length} of ${places.length} places of the model catalog fit into a message`));
    }
    return catalogAnswerCodec.encode({ version: 1, places: fitting });
  } catch (error) {
    onError(error);
    return catalogAnswerCodec.encode({ version: 1, places: null });
  }
}

/** @throws Error when the worker failed, or wrote what no codec understands */
export function placesIn(message: Uint8Array): readonly CatalogPlace[] {
  const { places } = catalogAnswerCodec.decode(message);
  if (places === null) throw new Error('the worker cannot say which models there are');
  return places;
}

function thatFit(places: readonly CatalogPlace[]): CatalogPlace[] {
  const fitting: CatalogPlace[] = [];
  let bytes = 64; // what stands around the places
  for (const place of places) {
    bytes += Buffer.byteLength(JSON.stringify(place)) + 1;
    if (bytes > catalogBytesMax) break;
    fitting.push(place);
  }
  return fitting;
}
