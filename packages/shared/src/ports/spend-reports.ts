import type { Account } from '../contracts/account.ts';
import type { DayReconciliation, StandingReconciliation } from '../contracts/reconciliation.ts';
import type { CallId } from '../ids.ts';
import type { Balance } from './admission.ts';

/** Answers questions about spend; the only way to the ledger's tables from outside the ledger. */
export interface SpendReports {
  /** In the order asked; accounts without a booking have 0 and version 0. */
  balancesOf(accounts: readonly Account[]): Promise<readonly Balance[]>;

  /** Those of the calls that are booked, in no order. */
  bookedAmong(callIds: readonly CallId[]): Promise<readonly CallId[]>;

  /** Newest `limit` rows that match, in ascending start time. */
  rows(filter: SpendRowFilter): Promise<readonly SpendRow[]>;

  /** Sums per key since `since` (epoch ms, a whole UTC day), highest first. */
  byKey(query: { since: number; limit: number }): Promise<readonly { keyHash: string; spendNanoUsd: bigint }[]>;

  /** Sums per upstream model since `since`, highest first; rows that reached no model are left out. */
  byModel(query: { since: number; limit: number }): Promise<readonly { model: string; spendNanoUsd: bigint }[]>;

  /** Sums per UTC day, key and model, oldest first, for `from ≤ day < to` (epoch ms). */
  daily(query: { from: number; to: number; keyHash?: string | undefined }): Promise<readonly DailySpend[]>;

  /** What the ledger found when it last held these UTC days of admission against each other, `from ≤ day < to`, epoch ms. */
  reconciliations(query: { from: number; to: number }): Promise<Reconciliations>;
}

export interface Reconciliations {
  /** Oldest first; days that were never looked at are left out. */
  readonly days: readonly (DayReconciliation & LookedAt)[];
  /** null: never looked at. */
  readonly standing: (StandingReconciliation & LookedAt) | null;
}

interface LookedAt {
  /** ISO. */
  readonly checkedAt: string;
}

export interface DailySpend {
  /** YYYY-MM-DD, UTC. */
  readonly day: string;
  readonly keyHash: string;
  readonly userId: string;
  readonly model: string;
  readonly spendNanoUsd: bigint;
}

export interface SpendRowFilter {
  readonly keyHash?: string | undefined;
  readonly userId?: string | undefined;
  readonly requestId?: string | undefined;
  /** Start time, epoch ms: from ≤ start < to. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
}

/** One booked call, in LiteLLM's words (contract §4.1): what GET /spend/logs shows. */
export interface SpendRow {
  readonly request_id: string;
  readonly call_type: string;
  readonly api_key: string;
  readonly spend: number;
  readonly total_tokens: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly startTime: string;
  readonly endTime: string;
  readonly completionStartTime: string | null;
  readonly request_duration_ms: number;
  readonly model: string;
  readonly model_id: string | null;
  readonly model_group: string;
  readonly custom_llm_provider: string | null;
  readonly api_base: string | null;
  readonly user: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly cache_hit: string;
  readonly cache_key: string;
  readonly request_tags: readonly string[];
  readonly team_id: string | null;
  readonly organization_id: string | null;
  readonly end_user: string;
  readonly requester_ip_address: string | null;
  readonly session_id: string | null;
  readonly status: 'success' | 'failure';
  readonly messages: Readonly<Record<string, unknown>>;
  readonly response: Readonly<Record<string, unknown>>;
  readonly proxy_server_request: Readonly<Record<string, unknown>>;
}
