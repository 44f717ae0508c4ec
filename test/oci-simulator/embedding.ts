import { hashText, nextHash } from './tokens.ts';

export type EmbeddingType = 'float' | 'int8' | 'uint8' | 'binary' | 'ubinary' | 'base64';

/** The embedding of a text as JSON. The same text always has the same, and it has length 1. */
export function embeddingJson(text: string, dimensions: number, type: EmbeddingType): string {
  const key = `${type} ${dimensions} ${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const json = encoders[type](unitVector(text, dimensions));
  if (cache.size >= maxCached) cache.clear();
  cache.set(key, json);
  return json;
}

const maxCached = 1_000;
const cache = new Map<string, string>();

function unitVector(text: string, dimensions: number): number[] {
  let hash = nextHash(hashText(text));
  const raw = Array.from({ length: dimensions }, () => {
    hash = nextHash(hash);
    return hash / 0x8000_0000 - 1;
  });
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
}

const encoders: Readonly<Record<EmbeddingType, (vector: readonly number[]) => string>> = {
  float: (vector) => `[${vector.map((value) => value.toFixed(8)).join(',')}]`,
  int8: (vector) => `[${vector.map((value) => Math.round(value * 127)).join(',')}]`,
  uint8: (vector) => `[${vector.map((value) => Math.round(value * 127) + 128).join(',')}]`,
  binary: (vector) =>
    `[${packedBits(vector)
      .map((byte) => byte - 128)
      .join(',')}]`,
  ubinary: (vector) => `[${packedBits(vector).join(',')}]`,
  base64: (vector) => JSON.stringify(Buffer.from(new Float32Array(vector).buffer).toString('base64')),
};

/** One bit per dimension, set where it is positive. */
function packedBits(vector: readonly number[]): number[] {
  return Array.from({ length: vector.length / 8 }, (_, byte) =>
    vector.slice(byte * 8, byte * 8 + 8).reduce((bits, value) => bits * 2 + (value > 0 ? 1 : 0), 0),
  );
}
