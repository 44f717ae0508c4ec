import { createHash } from 'node:crypto';
import { nanoUsdToUsd } from '../money.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import { deploymentPrice } from '../prices/deployment-price.ts';
import { maxUsdPerToken, nanoUsdPerMillion } from '../prices/nano-usd-per-million.ts';
import type { PriceBook } from '../prices/price-book.ts';
import { checkKeys } from './check-keys.ts';
import { isSecret } from './config-path.ts';
import { defaultParamNames, readDefaultParams } from './default-params.ts';
import { type Deployment, type Mode, modes, type OciTarget } from './gateway-config.ts';
import { readOciTarget } from './oci-target.ts';
import { isMapping, type Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';
import { vocabularies } from './vocabulary.ts';

export interface DeploymentDeps {
  readonly env: Environment;
  readonly prices: PriceBook;
  readonly defaultPrice: TokenPrice;
}

/** More is no retry but a loop. */
const maxRetries = 100;
const maxModelLength = 512;
/** A search that costs more is a mistake of units. */
const maxUsdPerSearch = 1_000;

const litellmParams = {
  ...vocabularies.litellmParams,
  used: [...vocabularies.litellmParams.used, ...defaultParamNames],
};

/**
 * One entry of `model_list`, resolved.
 *
 * @returns null when something is wrong with it, which is reported
 */
export async function readDeployment(
  entry: Section,
  alias: string,
  deps: DeploymentDeps,
): Promise<(Deployment & Pick<ModelFacts, 'mode'>) | null> {
  checkKeys(entry, vocabularies.modelEntry);
  const params = entry.section('litellm_params');
  const info = entry.section('model_info');
  checkKeys(params, litellmParams);
  checkKeys(info, vocabularies.modelInfo);

  if (entry.has('litellm_params') && !isMapping(entry.raw('litellm_params'))) return null; // reported
  const upstreamModel = readUpstreamModel(params);
  if (upstreamModel === null) return null;
  const target = await readOciTarget(params, upstreamModel, deps.env);
  const facts = readModelFacts(params, info, upstreamModel, deps.prices);
  const pricing = readPrice(params, info, facts, deps);
  const id = readId(info);
  const limits = readLimits(params);
  const defaultParams = readDefaultParams(params, facts.mode);
  if (target === null) return null;
  if (pricing.warning !== null) entry.warning(null, `alias "${alias}": oci/${upstreamModel} ${pricing.warning}`);
  return {
    id: id ?? hashOf(entry, target),
    alias,
    mode: facts.mode,
    provider: 'oci',
    model: `oci/${upstreamModel}`,
    upstreamModel,
    target,
    price: pricing.price,
    priceSource: pricing.source,
    maxOutputTokens: facts.maxOutputTokens,
    maxInputTokens: facts.maxInputTokens,
    ...limits,
    defaultParams,
    info: Object.fromEntries(
      info.keys
        .filter((key) => !isSecret(['model_info', key]))
        .map((key) => [key, withoutSecrets(info.raw(key), [key])]),
    ),
  };
}

/** `oci/xai.grok-4`, or `xai.grok-4` with `custom_llm_provider: oci`. @returns `xai.grok-4` */
function readUpstreamModel(params: Section): string | null {
  const model = params.string('model');
  const provider = params.string('custom_llm_provider');
  if (model === null) {
    if (!params.has('model')) params.problem('model', 'missing; expected oci/ and the name of a model');
    return null;
  }
  const upstream = model.startsWith('oci/') ? model.slice('oci/'.length) : model;
  if (provider !== null ? provider !== 'oci' : upstream === model) {
    const got = provider === null ? params.got('model') : `custom_llm_provider ${params.got('custom_llm_provider')}`;
    params.problem('model', `this version speaks to OCI only; expected oci/ and the name of a model, got ${got}`);
  } else if (upstream.includes('*')) {
    params.problem('model', 'wildcards (*) are not supported yet');
  } else if (!/^[\x21-\x7e]+$/.test(upstream) || upstream.length > maxModelLength) {
    params.problem('model', 'expected oci/ and the name of a model, without spaces');
  } else return upstream;
  return null;
}

interface ModelFacts {
  readonly mode: Mode;
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  /** The price book's word about it, or about its `base_model`. */
  readonly listed: { readonly price: TokenPrice; readonly version: string } | null;
}

/** What the model is, as `model_info` says, else the price book. */
function readModelFacts(params: Section, info: Section, upstreamModel: string, prices: PriceBook): ModelFacts {
  const base = info.string('base_model') ?? params.string('base_model');
  const candidates = base === null ? [] : [base, `oci/${base}`];
  const found = [...candidates, `oci/${upstreamModel}`]
    .map((name) => prices.find(name))
    .find((entry) => entry !== null);
  const mode = info.oneOf('mode', modes, ' (others are not supported yet)');
  const tokens = { integer: true, min: 1 } as const;
  const maxOutput = info.number('max_output_tokens', tokens);
  const maxTokens = info.number('max_tokens', tokens);
  return {
    mode: mode ?? found?.mode ?? modeByName(upstreamModel),
    maxInputTokens: info.number('max_input_tokens', tokens) ?? found?.maxInputTokens ?? null,
    maxOutputTokens: maxOutput ?? maxTokens ?? found?.maxOutputTokens ?? null,
    listed: found ? { price: found.price, version: prices.version } : null,
  };
}

function modeByName(upstreamModel: string): Mode {
  if (upstreamModel.includes('embed')) return 'embedding';
  if (upstreamModel.includes('rerank')) return 'rerank';
  return /^guardrails\b/.test(upstreamModel) ? 'moderation' : 'chat';
}

/** The price, and what the operator should know about it. Prices may stand in `model_info` too, as in LiteLLM. */
function readPrice(params: Section, info: Section, { mode, listed }: ModelFacts, { defaultPrice }: DeploymentDeps) {
  const configured = {
    input: readUsdPerToken([params, info], 'input_cost_per_token'),
    output: readUsdPerToken([params, info], 'output_cost_per_token'),
    cachedInput: readUsdPerToken([params, info], 'cache_read_input_token_cost'),
    search: readUsdPerSearch([params, info]),
  };
  const { price, source, guessed } = deploymentPrice({ mode, configured, listed, defaultPrice });
  const what = {
    nothing: null,
    everything: 'has no price',
    input: 'has no input price',
    output: 'has no output price',
  };
  const missing = what[guessed];
  const usual = `${usdPerMillion(defaultPrice.inputNanoUsdPerMillion)} input, ${usdPerMillion(defaultPrice.outputNanoUsdPerMillion)} output per 1M tokens`;
  return { price, source, warning: missing && `${missing}; counted at the default price (${usual})` };
}

/** @returns nano-USD per million tokens */
export function readUsdPerToken(sections: readonly Section[], key: string): number | null {
  const bounds = { min: 0, max: maxUsdPerToken };
  const found = sections.map((section) => section.number(key, bounds)).find((price) => price !== null);
  return found === undefined ? null : nanoUsdPerMillion(found);
}

/** @returns nano-USD of one search unit */
function readUsdPerSearch(sections: readonly Section[]): number | null {
  const bounds = { min: 0, max: maxUsdPerSearch };
  const found = sections.map((section) => section.number('input_cost_per_query', bounds)).find((usd) => usd !== null);
  return found === undefined ? null : Math.round(found * 1e9);
}

function usdPerMillion(nanoUsd: number): string {
  return `${nanoUsdToUsd(nanoUsd)} USD`;
}

function readLimits(params: Section) {
  const retries = { integer: true, min: 0, max: maxRetries } as const;
  const numRetries = params.number('num_retries', retries);
  const alsoRetries = params.number('max_retries', retries);
  const timeoutMs = params.seconds('timeout', { min: 0.001 });
  const alsoTimeoutMs = params.seconds('request_timeout', { min: 0.001 });
  return {
    weight: params.number('weight', { min: 0 }),
    numRetries: numRetries ?? alsoRetries,
    timeoutMs: timeoutMs ?? alsoTimeoutMs,
    streamTimeoutMs: params.seconds('stream_timeout', { min: 0.001 }),
  };
}

function readId(info: Section): string | null {
  const id = info.string('id');
  if (id === null || /^[\x21-\x7e]{1,256}$/.test(id)) return id;
  info.problem('id', 'expected 1 to 256 printable ASCII characters without spaces');
  return null;
}

/**
 * The same for the same entry in every process and after every restart, and different once it means something else:
 * so the identity is part of it, and a new key, key file or password is not.
 */
function hashOf(entry: Section, { api: _api, identity, ...place }: OciTarget): string {
  const who =
    identity.type === 'api_key'
      ? { tenancy: identity.tenancy, user: identity.user, fingerprint: identity.fingerprint }
      : identity;
  const what = entry.keys.map((key) => [key, withoutSecrets(entry.raw(key), [key])]);
  const text = JSON.stringify(inOrder([Object.fromEntries(what), place, who]));
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function withoutSecrets(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutSecrets(item, path));
  if (!isMapping(value)) return value;
  const shown = Object.entries(value).filter(([key]) => !isSecret([...path, key]));
  return Object.fromEntries(shown.map(([key, item]) => [key, withoutSecrets(item, [...path, key])]));
}

/** Sorted keys: the order in which a file names things means nothing. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isMapping(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}
