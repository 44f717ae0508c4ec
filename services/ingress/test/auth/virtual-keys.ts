import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { maskKey } from '../../src/auth/mask-key.ts';

/** A key without limits, but for what a test says. */
export function virtualKey(rawKey: string, set: Partial<VirtualKey> = {}): VirtualKey {
  return {
    hash: hashKey(rawKey),
    keyAlias: null,
    keyName: maskKey(rawKey),
    models: [],
    maxBudgetNanoUsd: null,
    budgetDuration: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    maxParallelRequests: null,
    metadata: {},
    userId: null,
    teamId: null,
    organizationId: null,
    blocked: false,
    expiresAt: null,
    createdAt: Date.parse('2027-01-14T15:00:00.500Z'),
    updatedAt: Date.parse('2027-01-14T15:00:00.500Z'),
    createdBy: 'default_user_id',
    updatedBy: 'default_user_id',
    ...set,
  };
}
