import { randomBytes } from 'node:crypto';

/** A new virtual key: `sk-` and 22 URL-safe characters, 128 random bits. */
export function newKey(): string {
  return `sk-${randomBytes(16).toString('base64url')}`;
}
