declare global {
  // Known to Node 24, not yet to TypeScript's library.
  interface JSON {
    /** A number as it is to be written; `JSON.stringify` writes it so. */
    rawJSON(text: string): object;
  }
}

/** Only integers as long as these can be too long. Linear: what one match takes begins no other. */
const mayHoldLongInteger = /[:,[]\s*-?\d{16,}\s*[,}\]]/;

/**
 * Parses JSON of which a part is passed on: an integer that no number holds exactly, such as a 64-bit id, is kept as
 * it was written, an object that `JSON.stringify` writes the same way again. Rounded, it would be another id.
 *
 * @throws SyntaxError when it is no JSON
 */
export function parseExactly(text: string): unknown {
  return mayHoldLongInteger.test(text) ? JSON.parse(text, keepLongInteger) : JSON.parse(text);
}

function keepLongInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? '';
  const isRounded = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
  return isRounded ? JSON.rawJSON(source) : value;
}
