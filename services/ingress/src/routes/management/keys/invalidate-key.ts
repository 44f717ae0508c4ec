import type { VirtualKey } from '../../../auth/authenticated.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** This process sees a change of a key at once: also who calls with what it was before it was regenerated. */
export function invalidateKey(
  { hash, firstHash }: Pick<VirtualKey, 'hash' | 'firstHash'>,
  { invalidate, invalidateTenancy }: Pick<ManagementDeps, 'invalidate' | 'invalidateTenancy'>,
): void {
  invalidate(hash);
  if (firstHash !== null) invalidateTenancy(); // nobody has noted which of its old hashes are remembered
}
