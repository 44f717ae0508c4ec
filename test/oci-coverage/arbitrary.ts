import * as fc from 'fast-check';

const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 2 ** 31);
/** Far above what the runs take; it ends the search for the smallest case of a failure. */
const limitMs = 8_000;

/** A failure prints its seed and the smallest case that was found; with SLUICE_TEST_SEED it runs again. */
export function runs(numRuns: number): { seed: number; numRuns: number; interruptAfterTimeLimit: number } {
  return { seed, numRuns, interruptAfterTimeLimit: limitMs };
}

/** Texts that have been lost or changed somewhere: empty, JSON, line ends, pieces of characters, long integers. */
const strange = [
  '',
  ' ',
  'data: [DONE]\n\n',
  '\r\n\u2028\u0000\uFEFF',
  'é e\u0301 \u{1D504} 👩‍👩‍👧 🌊 水門',
  '\uD83C',
  '\uDF0A',
  '"quoted \\ \u007F"',
  '{"id":12345678901234567890}',
  '[{"a":1},{"a":1}]',
  '[{"a":1}],"list":[{"b":1}]',
  '[]',
  'null',
] as const;

export const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 2, arbitrary: fc.constantFrom(...strange) },
);
export const name = fc.constantFrom('weather', 'time', 'look_up');

const plainValue = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.constantFrom('true', 'null', '0.5', '[]', '{}', '[1,{"a":"b"}]'),
);

/** The JSON text of an object, as a model writes the arguments of a call. */
export const jsonObject = fc
  .dictionary(fc.stringMatching(/^[a-z_]{1,6}$/), plainValue, { maxKeys: 4, noNullPrototype: true })
  .map(
    (fields) =>
      `{${Object.entries(fields)
        .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
        .join(',')}}`,
  );
