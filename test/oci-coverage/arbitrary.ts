import * as fc from 'fast-check';
import { isCohereRequest } from '../oci-simulator/formats/cohere-request.ts';
import { isCohereV2Request } from '../oci-simulator/formats/cohere-v2-request.ts';
import { isGenericRequest } from '../oci-simulator/formats/generic-request.ts';

/** A failure prints its seed and its smallest case; with SLUICE_TEST_SEED it runs again. */
const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 2 ** 31);
export const runs = { seed, numRuns: 250 };

/** Each format, with a model that speaks it. */
export const formats = [
  { format: 'GENERIC', model: 'support.qwen3-32b', accepts: isGenericRequest, images: true, choicesMax: 3 },
  {
    format: 'GENERIC',
    model: 'meta.llama-4-scout-17b-16e-instruct',
    accepts: isGenericRequest,
    images: true,
    choicesMax: 1,
  },
  { format: 'COHERE', model: 'cohere.command-a-03-2025', accepts: isCohereRequest, images: false, choicesMax: 1 },
  {
    format: 'COHEREV2',
    model: 'cohere.command-a-vision-07-2025',
    accepts: isCohereV2Request,
    images: true,
    choicesMax: 1,
  },
] as const;

export const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
export const name = fc.constantFrom('weather', 'time', 'look_up');
export const json = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(words, fc.integer(), fc.boolean()), {
  maxKeys: 4,
  noNullPrototype: true,
});
