import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import type { VirtualKeyChanges } from '../../../sql/update-virtual-key.ts';
import { isHarmless } from './key-rights.ts';

type Who = Pick<Authenticated, 'role' | 'caller'>;

/**
 * Whether somebody who comes to hold the secret of a user's key may do what that user may: the operator, or that user.
 * Only then is a new key `vouched`.
 */
export function vouchesFor({ role, caller }: Who, userId: string | null): boolean {
  return role === 'proxy_admin' || (userId !== null && userId === caller.userId);
}

/**
 * What a change does to that. Once a key is not vouched it never is again, whoever changes it: nobody can know who still
 * holds a secret of it, be it in a grace period.
 *
 * @param before the key as it is locked
 * @param isNewSecret the caller is given one
 */
export function vouchingOf(
  who: Who,
  before: Pick<VirtualKey, 'userId'> | null,
  changes: VirtualKeyChanges,
  { isNewSecret = false }: { readonly isNewSecret?: boolean } = {},
): Pick<VirtualKeyChanges, 'vouched'> {
  const userId = before?.userId ?? null;
  const staysTheirs = changes.userId === undefined || changes.userId === userId;
  if (who.role === 'proxy_admin' || (staysTheirs && vouchesFor(who, userId))) return {};
  // Otherwise whoever holds a secret of it that may do little, or nothing any more, would have it made one that may.
  const isWider = Object.entries(changes).some(([name, value]) => !isHarmless(name, value));
  return isNewSecret || isWider ? { vouched: false } : {};
}
