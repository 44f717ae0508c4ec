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
