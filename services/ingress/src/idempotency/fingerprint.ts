import { createHash } from 'node:crypto';

/** What two requests with the same meaning have in common: the order of members and the spacing do not count. */
export function fingerprintOf(body: unknown): string {
  return sha256(canonicalJson(body));
}

/** The name of a record. Neither the virtual key nor the idempotency key can be read from it. */
export function scopeOf(asked: { keyHash: string; path: string; idempotencyKey: string }): string {
  return sha256(JSON.stringify([asked.keyHash, asked.path, asked.idempotencyKey]));
}

/** @param value parsed JSON, of bounded depth */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
