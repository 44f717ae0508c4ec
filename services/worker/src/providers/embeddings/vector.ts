/** What counts as an embedding: numbers, and at least one. */
export function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');
}

/** Little-endian float32 as base64, whatever the machine. */
export function base64OfVector(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (let position = 0, offset = 0; position < vector.length; position += 1) {
    offset = bytes.writeFloatLE(vector[position] ?? 0, offset);
  }
  return bytes.toString('base64');
}

/** The other way. @returns null for what is no list of float32 */
export function vectorOfBase64(text: string): number[] | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0) return null;
  return Array.from({ length: bytes.length / 4 }, (_, position) => bytes.readFloatLE(position * 4));
}
