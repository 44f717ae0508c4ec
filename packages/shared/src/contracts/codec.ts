import type { z } from 'zod';

/** Turns a message into bytes and back. What does not fit the schema is refused on both sides. */
export interface Codec<T> {
  encode(message: T): Uint8Array;
  /** @throws Error when the bytes are not JSON or do not fit the schema. */
  decode(bytes: Uint8Array): T;
}

/** JSON in UTF-8. Unknown fields from a newer peer are dropped, not refused. */
export function jsonCodec<T>(schema: z.ZodType<T>): Codec<T> {
  return {
    encode: (message) => Buffer.from(JSON.stringify(message)),
    decode: (bytes) =>
      schema.parse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())),
  };
}
