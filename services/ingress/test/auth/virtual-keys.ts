import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { maskKey } from '../../src/auth/mask-key.ts';
import { newVirtualKey } from '../../src/tenancy/new-virtual-key.ts';
import type { Principal } from '../../src/tenancy/principal.ts';

/** A key without limits, but for what a test says. */
export function virtualKey(rawKey: string, set: Partial<VirtualKey> = {}): VirtualKey {
  return {
    ...newVirtualKey,
    vouched: true,
    hash: hashKey(rawKey),
    keyName: maskKey(rawKey),
    createdAt: Date.parse('2027-01-14T15:00:00.500Z'),
    updatedAt: Date.parse('2027-01-14T15:00:00.500Z'),
    createdBy: 'default_user_id',
    updatedBy: 'default_user_id',
    ...set,
  };
}

/** A key that belongs to nothing, but for what a test says. */
export function principalOf(key: VirtualKey, set: Partial<Principal> = {}): Principal {
  return { ...alone, key, ...set };
}

const alone = {
  keyBudget: null,
  team: null,
  member: null,
  memberBudget: null,
  user: null,
  organization: null,
  organizationBudget: null,
  organizationMember: null,
  isOrganizer: false,
  organizationMemberBudget: null,
  replacedUntil: null,
} as const;
