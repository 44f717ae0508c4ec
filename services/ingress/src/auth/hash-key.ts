import { hash } from 'node:crypto';
import { KeyHash } from '@sluice/shared/ids.ts';

/** What a key is stored and looked up by. */
export function hashKey(key: string): KeyHash {
  return KeyHash.parse(sha256(key).toString('hex'));
}

/**
 * Endpoints that take a key take it raw or as its hash: what starts with `sk-` is hashed, anything else should be a
 * hash. Text that is neither comes back as it is: no stored key has such a hash.
 */
export function hashOf(rawOrHash: string): string {
  return rawOrHash.startsWith('sk-') ? hashKey(rawOrHash) : rawOrHash;
}

export function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
