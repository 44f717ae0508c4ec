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

  /** What the ledger found when it last held these UTC days of admission against each other, `from ≤ day < to`, epoch ms. */
  reconciliations(query: { from: number; to: number }): Promise<Reconciliations>;

  /** Sums of the UTC days in a period, by any fields; from the daily sums, so at a cost that rows do not raise. */
  usage<const Field extends UsageField>(query: UsageQuery<Field>): Promise<readonly UsageSum<Field>[]>;

  /**
   * The same, however many they are, in one state of the books: first the sum of all calls in the period that the
   * filters let through, each counted once whatever the query is of; then the groups by their own values, ascending.
   * Waits for each of the two callbacks; what one throws ends it.
   *
   * @throws GatewayError invalid_management_request, before the first callback, if the query is of tags and customers
   *   together and not all rows of the period are kept, or there are too many to sum in time
   */
  eachUsage<const Field extends UsageField>(query: EachUsageQuery<Field>, read: UsageEach<Field>): Promise<void>;

  /** One page of the rows of a period. */
  logs(query: SpendLogQuery): Promise<SpendLogPage>;

  /** The tags or customers that a call ever named, in the order of their bytes, those after `after`. */
  names(query: { of: 'tag' | 'customer'; after?: string | undefined; limit: number }): Promise<readonly string[]>;

  /** Calls that did not complete, by UTC day, model and deployment, oldest first. */
  errors(query: { from: number; to: number; limit: number }): Promise<readonly DailyErrors[]>;
}

export interface Reconciliations {
  /** Oldest first; days that were never looked at are left out. */
  readonly days: readonly (DayReconciliation & LookedAt)[];
  /** Days on which calls began, and that were never looked at; `YYYY-MM-DD`, oldest first. */
  readonly unseen: readonly string[];
  /** null: never looked at. */
  readonly standing: (StandingReconciliation & LookedAt) | null;
}

interface LookedAt {
  /** ISO. */
  readonly checkedAt: string;
}

/** What sums can be grouped by and narrowed to. '' stands for none: spend without a team is of team ''. */
export type UsageField =
  | 'day' // YYYY-MM-DD, UTC
  | 'month' // YYYY-MM
  | 'name' // the tag or customer; of both together, the tag
  | 'customer' // of both together only
  | 'keyHash'
  | 'userId'
  | 'teamId'
  | 'organizationId'
  | 'model'
  | 'alias'
  | 'provider'
  | 'callType';

export interface UsageQuery<Field extends UsageField> {
  /**
   * `request`: each call counts once. `tag`: once for each tag that it carries, and not without one. `customer`: once
   * if it names its end user.
   */
  readonly of: 'request' | 'tag' | 'customer';
  /** Epoch ms, whole UTC days: from ≤ day < to. */
  readonly from: number;
  readonly to: number;
  /** None: one sum over all. */
  readonly by: readonly Field[];
  /** Only what has one of these values, in every field that is named. */
  readonly where?: UsageFilter;
  readonly except?: UsageFilter;
  /** Only what has one of these values in at least one of the fields that are named. */
  readonly either?: UsageFilter;
  /** `fields`: by the groups' own values, ascending, so that days are in order. `spend`: highest first. */
  readonly order: 'fields' | 'spend';
  readonly limit: number;
  readonly offset?: number;
}

export type EachUsageQuery<Field extends UsageField> = Omit<UsageQuery<Field>, 'of' | 'order' | 'limit' | 'offset'> & {
  /**
   * `tag and customer`: each call once for each tag that it carries, if it names its end user. No daily sums are kept of
   * that: it is summed from the rows of the period, at a cost that they raise.
   */
  readonly of: UsageQuery<Field>['of'] | 'tag and customer';
};

export type UsageFilter = Readonly<Partial<Record<UsageField, readonly string[] | undefined>>>;

export type UsageSum<Field extends UsageField> = Readonly<Record<Field, string>> & UsageMeasures;

export interface UsageEach<Field extends UsageField> {
  readonly total: (total: UsageMeasures) => void | Promise<void>;
  readonly sums: (sums: readonly UsageSum<Field>[]) => void | Promise<void>;
}

export interface UsageMeasures {
  readonly spendNanoUsd: bigint;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Among `inputTokens`. */
  readonly cachedInputTokens: number;
  /** Among `outputTokens`. */
  readonly reasoningTokens: number;
  readonly requestsOk: number;
  readonly requestsFailed: number;
  /** Answered from the gateway's own cache; among `requestsOk`. */
  readonly cacheHits: number;
}

export interface DailyErrors {
  /** YYYY-MM-DD, UTC. */
  readonly day: string;
  /** Of docs/errors.md; '' when the client left. */
  readonly errorCode: string;
  readonly alias: string;
  readonly model: string;
  readonly provider: string;
  readonly deploymentId: string;
  readonly apiBase: string;
  readonly requests: number;
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

export interface SpendLogQuery {
  /** Start time, epoch ms: from ≤ start < to. */
  readonly from: number;
  readonly to: number;
  readonly where: SpendLogFilter;
  readonly sortBy: SpendLogSort;
  readonly descending: boolean;
  readonly limit: number;
  readonly offset: number;
  /**
   * Of the period's rows, and of one key, user, team or request if that is asked for, no more than these are looked at:
   * the newest, or if sorted by start time ascending, the oldest.
   */
  readonly lookAtMax: number;
}

/** What the columns must be, all of it. */
export interface SpendLogFilter {
  readonly keyHash?: string | undefined;
  readonly userId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly model?: string | undefined;
  readonly deploymentId?: string | undefined;
  readonly alias?: string | undefined;
  readonly keyAlias?: string | undefined;
  readonly customer?: string | undefined;
  readonly status?: SpendRow['status'] | undefined;
  /** HTTP status, or a code of docs/errors.md. */
  readonly errorCode?: string | undefined;
  /** Is in the text; case matters. */
  readonly errorMessagePart?: string | undefined;
  readonly sessionIdPart?: string | undefined;
  /** USD, a decimal; both inclusive. */
  readonly minSpendUsd?: string | undefined;
  readonly maxSpendUsd?: string | undefined;
}

export type SpendLogSort =
  'spend' | 'totalTokens' | 'startTime' | 'endTime' | 'durationMs' | 'model' | 'timeToFirstToken';

export interface SpendLogPage {
  readonly rows: readonly SpendRow[];
  /** How many rows match, of those looked at. */
  readonly total: number;
  /** False: there may be more in the period than were looked at. */
  readonly complete: boolean;
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
  readonly mcp_namespaced_tool_name: null;
  readonly agent_id: null;
}
