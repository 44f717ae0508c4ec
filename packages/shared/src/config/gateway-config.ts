import type { TokenPrice } from '../contracts/token-price.ts';
import type { Duration } from '../time/duration.ts';
import type { MetricsSettings } from './metrics-settings.ts';
import type { AllowedFailsPolicy, RouterSettings } from './router-config.ts';
import type { SluiceSettings } from './sluice-settings.ts';
import type { TenancySettings } from './tenancy-config.ts';

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
  /** From where requests are taken: addresses and networks; null: from everywhere. */
  readonly allowedIps: readonly string[] | null;
  /** An ingress is ready while PostgreSQL is away: it serves the keys that it knows. */
  readonly readyWithoutDatabase: boolean;
  /** Errors name the call (`litellm_call_id`), as the header of their answers does. */
  readonly errorsNameCall: boolean;
  readonly tenancy: TenancySettings;
  /** How long spend rows are kept at least; null: for ever. Sums and balances stay in any case. */
  readonly spendLogsRetention: Duration | null;
  readonly sluice: SluiceSettings;
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
  /** The aliases whose deployments it has, of a model as the file names it (`oci/xai.grok-4`). */
  readonly owners?: readonly string[];
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
