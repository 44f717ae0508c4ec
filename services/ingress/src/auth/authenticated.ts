import type { Caller } from '@sluice/shared/contracts/caller.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';

/** Who sent a request: the operator with the master key, or the holder of a virtual key. */
export type Authenticated =
  | { readonly role: 'proxy_admin'; readonly caller: Caller; readonly key: null }
  | { readonly role: 'key'; readonly caller: Caller; readonly key: VirtualKey };

/** A virtual key as stored; times in epoch milliseconds, money in nano-USD, null for "no limit". */
export interface VirtualKey {
  readonly hash: KeyHash;
  readonly keyAlias: string | null;
  /** `sk-...` and the last four characters. */
  readonly keyName: string;
  /** Empty: every alias. */
  readonly models: readonly string[];
  readonly maxBudgetNanoUsd: number | null;
  /** As given, for example `30d`; null: the budget never resets. */
  readonly budgetDuration: string | null;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly maxParallelRequests: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly blocked: boolean;
  readonly expiresAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly createdBy: string | null;
  readonly updatedBy: string | null;
}
