import type { UserFields } from '../api/litellm/user.ts';
import type { CountedTokens } from '../contracts/counted-tokens.ts';

/** What holds for all that keys belong to. */
export interface TenancySettings {
  /** IANA name; the days, weeks and months of budgets are its. */
  readonly timeZone: string;
  /** Budgets of 30 days reset on the first of the month, as in LiteLLM, in place of every 30 days. */
  readonly calendarBudgets: boolean;
  /** Of all requests but the operator's; null: none, or never resets. */
  readonly proxyBudget: { readonly maxBudgetNanoUsd: number | null; readonly budgetDuration: string | null };
  /** Of all requests but the operator's together; null: no limit. */
  readonly proxyMaxParallelRequests: number | null;
  /** Which tokens the limits per minute of all but deployments count. */
  readonly countedTokens: CountedTokens;
  /** Every request but the operator's has to say which end user it is for. */
  readonly requiresEndUser: boolean;
  readonly customers: {
    /** Of each who has none of their own: as an amount, or as the id of a budget, which goes before it. */
    readonly maxBudgetNanoUsd: number | null;
    readonly budgetId: string | null;
    /** Further headers that name a request's customer, lower case. */
    readonly headers: readonly string[];
  };
  /** What becomes a tag besides what requests, keys and teams call their tags. */
  readonly tags: {
    /** Headers whose values do, each as `name: value`, by the names that tags then have. */
    readonly headers: readonly string[];
    readonly hasUserAgent: boolean;
  };
  readonly keys: KeySettings;
  readonly users: UserSettings;
}

/** What shapes new users; LiteLLM's names, which are those of a request. */
export interface UserSettings {
  /** Fields of requests that do not have them, and of users who are first named as a member. */
  readonly defaults: UserFields;
}

/** What shapes new keys; LiteLLM's names where they are those of a request. */
export interface KeySettings {
  /** A request above them is refused, one that says nothing gets them; null: no bound. */
  readonly upperBounds: {
    readonly max_budget: number | null;
    readonly budget_duration: string | null;
    readonly duration: string | null;
    readonly max_parallel_requests: number | null;
    readonly tpm_limit: number | null;
    readonly rpm_limit: number | null;
  };
  /** Fields of requests that do not have them. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Who may make keys of a team, and without one; null: as their role says. */
  readonly forTeams: KeyMakers | null;
  readonly personal: KeyMakers | null;
  readonly checksAliasFormat: boolean;
  /** Keys without a team are refused. */
  readonly needsTeam: boolean;
}

/** Who may make keys of a kind, the operator apart, and with what. */
export interface KeyMakers {
  /** Of the maker in the team, or on the whole gateway; null: every role may that may make keys at all. */
  readonly roles: readonly string[] | null;
  /** Fields that a request for such a key has to have. */
  readonly requiredParams: readonly string[];
}
