/**
 * JSON that PostgreSQL takes whatever is in its strings. It stores neither the character U+0000 nor half a surrogate
 * pair; both become U+FFFD here. Refused instead, they would let a client keep its calls out of the books by a
 * metadata field.
 */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  // JSON.stringify escapes both, and whole pairs never, so the escapes are all there is to look at.
  if (!json.includes('\\u0000') && !json.includes('\\ud')) return json;
  return json.replaceAll(/\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g, (escape) => (escape === '\\\\' ? escape : '\\ufffd'));
}
