import type { Deployment, OciIdentity, Target } from '@sluice/shared/config/gateway-config.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import { priceAt } from '@sluice/shared/prices/price-at.ts';
import type { PriceBook, PriceBookEntry } from '@sluice/shared/prices/price-book.ts';
import { modelsAt } from './known-models.ts';
import type { KnownModels } from './known-models.ts';
import type { NamedModel } from './named-models.ts';
import { usdPerToken } from './usd-per-token.ts';

/** One deployment under one name, as LiteLLM's `/model/info` shows it. */
export interface ModelInfo {
  readonly model_name: string;
  readonly litellm_params: Readonly<Record<string, unknown>>;
  readonly model_info: Readonly<Record<string, unknown>> & { readonly id: string };
}

/** Also a wildcard as the file has it: then nobody can say what it is for. */
export interface DescribedModel extends Omit<NamedModel, 'mode'> {
  readonly mode: NamedModel['mode'] | null;
}

export interface ModelInfoDeps {
  readonly prices: Pick<PriceBook, 'find'>;
  readonly known: KnownModels;
  /** Epoch milliseconds: the moment whose prices are shown. */
  readonly now: number;
  /** Operators also see where and as whom a deployment is called; nobody sees a secret. */
  readonly forOperator: boolean;
}

/** One entry per deployment. What the configuration's `model_info` has of its own is handed on. */
export function modelInfosOf({ name, mode, deployments }: DescribedModel, deps: ModelInfoDeps): ModelInfo[] {
  return deployments.map((deployment) => {
    const entry = priceBookEntryOf(deployment, deps.prices);
    return {
      model_name: name,
      litellm_params: {
        model: deployment.model,
        custom_llm_provider: deployment.provider,
        ...given(regionOf(deployment.target)),
        ...(deps.forOperator && given(operatorsParams(deployment))),
      },
      model_info: {
        ...abilitiesOf(entry),
        ...(entry?.outputVectorSize != null && { output_vector_size: entry.outputVectorSize }),
        ...given({ deprecation_date: deprecationDateOf(deployment, deps.known) }),
        ...deployment.info,
        id: deployment.id,
        db_model: false,
        key: deployment.model,
        mode,
        litellm_provider: deployment.provider,
        max_tokens: deployment.maxOutputTokens,
        max_input_tokens: deployment.maxInputTokens,
        max_output_tokens: deployment.maxOutputTokens,
        ...pricesOf(deployment, deps.now),
      },
    };
  });
}

/** LiteLLM's names of what a model can do; null: nobody says. */
export function abilitiesOf(entry: PriceBookEntry | null): Readonly<Record<`supports_${string}`, boolean | null>> {
  const supports = entry?.supports;
  return {
    supports_function_calling: supports?.functionCalling ?? null,
    supports_parallel_function_calling: supports?.parallelFunctionCalling ?? null,
    supports_response_schema: supports?.responseSchema ?? null,
    supports_native_streaming: supports?.nativeStreaming ?? null,
    supports_vision: supports?.vision ?? null,
    supports_reasoning: supports?.reasoning ?? null,
    supports_embedding_image_input: supports?.embeddingImageInput ?? null,
  };
}

/** What the price book says about a deployment's model, or about the one that `base_model` names. */
function priceBookEntryOf({ model, info }: Deployment, prices: Pick<PriceBook, 'find'>): PriceBookEntry | null {
  const base = info?.['base_model'];
  const ofBase = typeof base === 'string' ? (prices.find(base) ?? prices.find(`oci/${base}`)) : null;
  return ofBase ?? prices.find(model);
}

/** The day from which on the provider does not serve it any more. */
function deprecationDateOf({ target, upstreamModel }: Deployment, known: KnownModels): string | null {
  const retiresAt = modelsAt(known, target)?.find(({ name }) => name === upstreamModel)?.retiresAt ?? null;
  return retiresAt === null ? null : new Date(retiresAt).toISOString().slice(0, 10);
}

function pricesOf(deployment: Deployment, now: number): Record<string, unknown> {
  const { price, priceSource } = priceAt(deployment, now);
  const usd = (nanoUsdPerMillion: number | undefined) =>
    nanoUsdPerMillion === undefined ? null : usdPerToken(nanoUsdPerMillion);
  return given({
    input_cost_per_token: usd(price.inputNanoUsdPerMillion),
    output_cost_per_token: usd(price.outputNanoUsdPerMillion),
    cache_read_input_token_cost: usd(price.cachedInputNanoUsdPerMillion),
    output_cost_per_reasoning_token: usd(price.reasoningNanoUsdPerMillion),
    input_cost_per_query: price.searchNanoUsd === undefined ? null : nanoUsdToUsd(price.searchNanoUsd),
    price_source: priceSource,
  });
}

function regionOf(target: Target): Record<string, unknown> {
  if (target.api === 'oci') return { oci_region: target.region };
  return target.api === 'openai' ? { oci_region: target.auth.type === 'oci' ? target.region : null } : {};
}

/** Where a deployment is called and as whom, and how. Named one by one: what is added to a target stays inside. */
function operatorsParams({ target, ...deployment }: Deployment): Record<string, unknown> {
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
  return {
    ...operatorsPlace(target),
    weight: deployment.weight,
    num_retries: deployment.numRetries,
    timeout: seconds(deployment.timeoutMs),
    stream_timeout: seconds(deployment.streamTimeoutMs),
  };
}

function operatorsPlace(target: Target): Record<string, unknown> {
  if (target.api === 'anthropic') return { api_base: target.baseUrl };
  if (target.api === 'openai') {
    const { baseUrl, auth } = target;
    const signed =
      auth.type === 'oci' ? { oci_compartment_id: auth.compartmentId, ...identityParams(auth.identity) } : {};
    return { api_base: baseUrl, ...signed };
  }
  const { endpoint, compartmentId, servingMode, identity } = target;
  return {
    api_base: endpoint,
    oci_compartment_id: compartmentId,
    oci_serving_mode: servingMode.type,
    oci_endpoint_id: servingMode.type === 'DEDICATED' ? servingMode.endpointId : null,
    ...identityParams(identity),
  };
}

function identityParams(identity: OciIdentity): Record<string, unknown> {
  const oci_auth = identity.type;
  if (identity.type !== 'api_key') return { oci_auth };
  const { tenancy, user, fingerprint } = identity;
  return { oci_auth, oci_tenancy: tenancy, oci_user: user, oci_fingerprint: fingerprint };
}

/** Without what says nothing. */
function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
