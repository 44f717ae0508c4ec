import { KeyHash } from '@sluice/shared/ids.ts';
import type { VirtualKey } from '../../../auth/authenticated.ts';
import { hashOf } from '../../../auth/hash-key.ts';
import type { VirtualKeys } from '../../../sql/virtual-keys.ts';
import { keyNotFound } from '../refusals.ts';

/**
 * The stored key that a client names, raw or as its hash.
 *
 * @throws GatewayError not_found
 */
export async function findKey(keys: Pick<VirtualKeys, 'find'>, rawOrHash: string): Promise<VirtualKey> {
  const key = await keys.find(keyHashOf(rawOrHash));
  if (key === null) throw keyNotFound();
  return key;
}

/** @throws GatewayError not_found for text that cannot name a key */
export function keyHashOf(rawOrHash: string): KeyHash {
  const hash = KeyHash.safeParse(hashOf(rawOrHash));
  if (!hash.success) throw keyNotFound();
  return hash.data;
}
