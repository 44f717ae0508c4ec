import type { UserFields } from '../api/litellm/user.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import type { Duration } from '../time/duration.ts';

/** The configuration file and environment, parsed, resolved and complete: what every process starts from. */
export interface GatewayConfig {
  /** By name, in the order of the file, without wildcards: `resolveAlias` finds the alias of any name. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** The most specific first. */
  readonly wildcards: readonly WildcardAlias[];
  readonly router: RouterSettings;
  /** Drop parameters that a model does not support instead of refusing them. */
  readonly dropParams: boolean;
  /** null: not configured anywhere. Secret. */
  readonly masterKey: string | null;
  /** null: not configured anywhere. Holds a password. */
  readonly databaseUrl: string | null;
  readonly metrics: MetricsSettings;
  /** Whose `X-Forwarded-For` says where a request comes from: addresses, networks, or Express's names of them. */
  readonly trustedProxies: readonly string[];
  readonly tenancy: TenancySettings;
  /** How long spend rows are kept at least; null: for ever. Sums and balances stay in any case. */
  readonly spendLogsRetention: Duration | null;
  readonly sluice: SluiceSettings;
}

/** Who may read `/metrics`. */
export interface MetricsSettings {
  /** False: whoever reaches the port. */
  readonly authenticated: boolean;
  /** `SLUICE_METRICS_TOKEN`: opens nothing else, so that a scraper need not hold the master key. null: none. Secret. */
  readonly token: string | null;
}

/** What a model is for: which routes reach it. */
export const modes = ['chat', 'embedding', 'rerank', 'moderation'] as const;
export type Mode = (typeof modes)[number];

export interface Alias {
  readonly name: string;
  readonly mode: Mode;
  /** At least one; one of them answers. */
  readonly deployments: readonly Deployment[];
  /** The queue that its jobs wait in; absent: one of its own name. */
  readonly queue?: string;
  /** The alias that this is another name of, by `model_group_alias` or `model_alias_map`. */
  readonly standsFor?: string;
  /** One deployment, named by its id: it is called even while it is left alone. */
  readonly isOneDeployment?: true;
  /** Not in the list of models. */
  readonly hidden?: boolean;
}

/** Entries of `model_list` with a `*` in their `model_name`: an alias for each name that it matches. */
export interface WildcardAlias {
  /** `oci/*`: each `*` stands for any text. Also the name of the queue that all of its names share. */
  readonly pattern: string;
  /** As `--check-config` shows them, `*` for the model, and price and limits for one that no book lists. */
  readonly deployments: readonly Deployment[];
  /** Names that the price book has models for. */
  readonly knownNames: readonly string[];
  /** The alias for a name that the pattern matches; null: the name makes no possible name of a model. */
  resolve(name: string): Alias | null;
}

/** One entry of `model_list`: a model, in a place, with an identity and a price. */
export interface Deployment {
  /** `model_info.id`, or a hash of the entry without its secrets: the same in every process. */
  readonly id: string;
  /**
   * The id of the wildcard's entry that this one was made of; absent: of none. Connections are shared by it, since
   * clients choose how many models a wildcard has.
   */
  readonly entryId?: string;
  readonly alias: string;
  /** As LiteLLM prefixes it and the books name it: `oci`, `openai`, `groq`. */
  readonly provider: string;
  /** With provider prefix, as the books name it: `oci/xai.grok-4`. */
  readonly model: string;
  /** As the provider names it: `xai.grok-4`. */
  readonly upstreamModel: string;
  readonly target: Target;
  /** What it costs until the first of `priceChanges`; `priceAt` knows the price of a moment. */
  readonly price: TokenPrice;
  /** `config`, `default`, or the price book's name and the day from which the price holds. */
  readonly priceSource: string;
  /** Oldest first; absent: none is known. */
  readonly priceChanges?: readonly PriceChange[];
  /** The most tokens that the model writes; null: unknown. */
  readonly maxOutputTokens: number | null;
  readonly maxInputTokens: number | null;
  /** Relative share of the traffic between deployments of an alias. */
  readonly weight: number | null;
  /**
   * Ceilings over all workers, in windows of a minute; and weights where no deployment of the alias has one. Absent:
   * none.
   */
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** Calls at a time, over all workers. Absent: what the provider takes. */
  readonly maxParallelRequests?: number;
  /** The lowest of an alias is called, others when it cannot answer. Absent: after all that have one. */
  readonly order?: number;
  /** What requests must ask for to get here, with tag filtering; `default` takes those that ask for nothing. */
  readonly tags?: readonly string[];
  /** How long it is left alone after failures; 0: it never is. Absent: as the provider or the router says. */
  readonly cooldownMs?: number;
  /** How many failures of its own are put up with, before what the router says. Absent: as the router says. */
  readonly allowedFails?: number;
  readonly allowedFailsPolicy?: AllowedFailsPolicy;
  /** The operator lets nobody call it. */
  readonly blocked?: true;
  /** What every chat with it is answered, or the name of an error; the provider is never called. */
  readonly mockResponse?: string;
  readonly numRetries: number | null;
  readonly timeoutMs: number | null;
  readonly streamTimeoutMs: number | null;
  /** OpenAI parameters that requests get when they do not say otherwise. */
  readonly defaultParams: Readonly<Record<string, unknown>>;
  /** As the configuration's own, for this deployment. Absent: as that. */
  readonly dropParams?: boolean;
  /** Parameters that it never gets, at the top level of a request. Absent: none. */
  readonly additionalDropParams?: readonly string[];
  /** `model_info` as the file has it, own keys of the operator included, without what may be secret. Absent: empty. */
  readonly info?: Readonly<Record<string, unknown>>;
}

/** Another price, from a moment on. */
export interface PriceChange {
  /** Epoch milliseconds. */
  readonly from: number;
  readonly price: TokenPrice;
  readonly priceSource: string;
}

/** Where a deployment is called, in which protocol (`api`), and as whom. */
export type Target = OciTarget | OpenAiTarget | AnthropicTarget;

/** OCI's own inference API. */
export interface OciTarget {
  readonly api: 'oci';
  readonly region: string;
  /** Scheme, host and port; null: the region's public endpoint. */
  readonly endpoint: string | null;
  readonly compartmentId: string;
  readonly servingMode: { readonly type: 'ON_DEMAND' } | { readonly type: 'DEDICATED'; readonly endpointId: string };
  readonly identity: OciIdentity;
}

/** Everything that speaks OpenAI's API, OCI's compatible surface included. */
export interface OpenAiTarget {
  readonly api: 'openai';
  /** Up to what stands before `/chat/completions`, without a slash at the end. */
  readonly baseUrl: string;
  /** Added to each request, as in Azure's `?api-version=…`. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Which of OpenAI's token limits it knows. */
  readonly tokenLimit: 'max_tokens' | 'max_completion_tokens';
  readonly auth:
    | { readonly type: 'none' }
    /** Secret, like the next; empty in a process that calls no models. */
    | { readonly type: 'bearer'; readonly apiKey: string }
    /** Azure's way. */
    | { readonly type: 'header'; readonly name: string; readonly apiKey: string }
    /** OCI's request signature. */
    | { readonly type: 'oci'; readonly identity: OciIdentity; readonly compartmentId: string };
  /** null: the provider has none that we know of. */
  readonly region: string | null;
}

/** Anthropic's Messages API. */
export interface AnthropicTarget {
  readonly api: 'anthropic';
  /** Up to what stands before `/v1/messages`, without a slash at the end. */
  readonly baseUrl: string;
  /** Secret. Empty in a process that calls no models. */
  readonly apiKey: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Who signs requests to OCI: each kind that `oci-common` knows. Only the first has a key in our configuration. */
export type OciIdentity =
  | OciApiKey
  /** A profile of OCI's own configuration file; null: its usual place, `~/.oci/config`. */
  | { readonly type: 'config_file'; readonly file: string | null; readonly profile: string }
  /** The same with a token of `oci session authenticate`. */
  | { readonly type: 'session_token'; readonly file: string | null; readonly profile: string }
  | { readonly type: 'instance_principal' }
  | { readonly type: 'resource_principal' }
  | { readonly type: 'oke_workload_identity' };

export interface OciApiKey {
  readonly type: 'api_key';
  readonly tenancy: string;
  readonly user: string;
  readonly fingerprint: string;
  /** PEM text. Secret. Empty in a process that calls no models. */
  readonly privateKeyPem: string;
  readonly passphrase: string | null;
}

/** By alias, the next ones in order; `*` holds the default. */
export type Fallbacks = ReadonlyMap<string, readonly string[]>;

/** How one of an alias's deployments is chosen. `usage-based-routing` is LiteLLM's older word for its v2. */
export const routingStrategies = [
  'simple-shuffle',
  'least-busy',
  'usage-based-routing',
  'usage-based-routing-v2',
  'latency-based-routing',
  'cost-based-routing',
] as const;
export type RoutingStrategy = (typeof routingStrategies)[number];

/** LiteLLM's exceptions, as far as its policies can name them. */
export const errorClasses = [
  'BadRequestError',
  'AuthenticationError',
  'TimeoutError',
  'RateLimitError',
  'ContentPolicyViolationError',
  'InternalServerError',
  'ServiceUnavailableError',
  'NotFoundError',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

/** How often an error of a class is retried, whatever else is configured; `Default` for those that are not named. */
export type RetryPolicy = Readonly<Partial<Record<ErrorClass | 'Default', number>>>;

/** Failures within a cooldown's time that are put up with, by class of error. */
export type AllowedFailsPolicy = Readonly<Partial<Record<ErrorClass, number>>>;

/** When a deployment that fails is left alone, and how long. */
export interface CooldownSettings {
  readonly enabled: boolean;
  readonly cooldownMs: number;
  /** Failures within a cooldown's time that are put up with; null: shares of the traffic decide. */
  readonly allowedFails: number | null;
  /** The same by class of error. */
  readonly allowedFailsPolicy: AllowedFailsPolicy;
}

export interface RouterSettings {
  readonly fallbacks: Fallbacks;
  /** In place of `fallbacks` for prompts that are too long; null: there is no such list. */
  readonly contextWindowFallbacks: Fallbacks | null;
  /** In place of `fallbacks` for what a provider's filter refused; null: there is no such list. */
  readonly contentPolicyFallbacks: Fallbacks | null;
  readonly strategy: RoutingStrategy;
  /** With latency-based routing: how much slower than the fastest is as good, 0.1 for a tenth. */
  readonly lowestLatencyBuffer: number;
  /** For how long a measured latency counts. */
  readonly latencyTtlMs: number;
  readonly cooldowns: CooldownSettings;
  /** By alias; `*` holds the one for all. */
  readonly retryPolicies: ReadonlyMap<string, RetryPolicy>;
  /** Leave out deployments whose context window the prompt's estimate exceeds. */
  readonly preCallChecks: boolean;
  /** Whether a deployment needs any, or all, of the tags that a request asks for. */
  readonly tagFiltering: 'off' | 'any' | 'all';
  /** Hops along fallbacks for one request. */
  readonly maxFallbacks: number;
  /** Retries per alias after the first try. */
  readonly numRetries: number;
  /** The least pause before a retry. */
  readonly retryAfterMs: number;
  /** Errors tell the client which aliases were tried, and how often. */
  readonly debugInErrors: boolean;
  /** A client that asks is told what failed before its answer. */
  readonly showsFallbackErrors: boolean;
  /** Clients may ask for failures that do not happen. */
  readonly mockTesting: boolean;
  /** A request's deadline when it names none. */
  readonly timeoutMs: number;
  /** From the upstream request to its first event. */
  readonly streamTimeoutMs: number;
  /** Of requests that name none, 0 to 255; among those of one team, lower is sooner. */
  readonly defaultPriority: number;
}

/** What holds for all that keys belong to. */
export interface TenancySettings {
  /** IANA name; the days, weeks and months of budgets are its. */
  readonly timeZone: string;
  /** Budgets of 30 days reset on the first of the month, as in LiteLLM, in place of every 30 days. */
  readonly calendarBudgets: boolean;
  /** Of all requests but the operator's; null: none, or never resets. */
  readonly proxyBudget: { readonly maxBudgetNanoUsd: number | null; readonly budgetDuration: string | null };
  readonly customers: {
    /** Of each who has none of their own: as an amount, or as the id of a budget, which goes before it. */
    readonly maxBudgetNanoUsd: number | null;
    readonly budgetId: string | null;
    /** Further headers that name a request's customer, lower case. */
    readonly headers: readonly string[];
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

export interface KeyMakers {
  /** null: any. */
  readonly roles: readonly string[] | null;
  readonly requiredParams: readonly string[];
}

/** Sluice's own settings, under `sluice_settings`. */
export interface SluiceSettings {
  /** The output cap of a request that names none, if the model allows as much. Tokens. */
  readonly defaultMaxTokens: number;
  /** Upstream time limits that LiteLLM's file has no words for. */
  readonly connectTimeoutMs: number;
  readonly betweenTokensTimeoutMs: number;
  /** The largest request body. */
  readonly maxRequestBytes: number;
  /** Jobs that one worker process runs at once, per alias. */
  readonly workerConcurrency: number;
  /** Open upstream connections per deployment and worker. */
  readonly upstreamConnections: number;
  /** Jobs that may wait in one queue; more are refused. */
  readonly maxQueued: number;
  readonly fairShare: {
    /** By team id, or by alias for keys without a team; relative to each other. */
    readonly weights: ReadonlyMap<string, number>;
    readonly defaultWeight: number;
  };
  /** How long a stopping process may finish what is running. */
  readonly drainMs: number;
  /**
   * The part of `drainMs` for which a stopping ingress, no longer ready, still takes requests: until every load
   * balancer has noticed.
   */
  readonly shutdownDelayMs: number;
  /** How often the ledger holds the books against themselves and admission's counters; 0: never. */
  readonly reconcileIntervalMs: number;
  /** What becomes of a call whose client has left: stopped, or finished and booked by the provider's own count. */
  readonly onClientGone: 'stop' | 'finish';
  /** A streamed answer of which nothing comes for so long is kept alive by a comment; 0: never. */
  readonly sseHeartbeatMs: number;
  /** For models without a price anywhere. */
  readonly defaultPrice: TokenPrice;
}
