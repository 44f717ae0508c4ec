/**
 * The same without what PostgreSQL and UTF-8 cannot carry: U+0000 and half a surrogate pair become U+FFFD. Refused
 * instead, a tag could fail its request; passed on, it could keep a job out of the queue.
 *
 * @param value JSON, nested as deep as request bodies may be
 */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  return typeof value === 'object' && value !== null ? storableMembers(value) : value;
}

export function storableText(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}

export function storableMembers(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [storableText(name), storable(member)]));
}
