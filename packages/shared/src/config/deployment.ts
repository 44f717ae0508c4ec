import { MockResponse, mockResponseMax } from '../api/litellm/mock-params.ts';
import { readAllowedFails, readAllowedFailsPolicy } from './allowed-fails.ts';
import { checkKeys } from './check-keys.ts';
import { defaultParamNames, defaultsFor, readDefaultParams } from './default-params.ts';
import { readDropParams } from './drop-params.ts';
import { deploymentIdOf, wildcardDeploymentId } from './deployment-id.ts';
import { withoutSecrets } from './without-secrets.ts';
import type { Deployment, Mode, Target } from './gateway-config.ts';
import { factsOf, type FactSources, priceWarning, readConfiguredFacts } from './model-facts.ts';
import { isModelName, type ModelName, readModelName } from './model-name.ts';
import { type OciDeps, readOciTarget } from './oci-target.ts';
import { readKeyedTarget } from './openai-target.ts';
import { dialects } from './providers.ts';
import { isMapping, type Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';
import { countWildcards, fillWildcard, isWildcard } from './wildcard.ts';

export interface DeploymentDeps extends OciDeps, FactSources {}

export interface ModeledDeployment {
  readonly mode: Mode;
  readonly deployment: Deployment;
}

/** One entry of `model_list`, resolved. A wildcard's is that of a model which no book lists. */
export interface ModelEntry extends ModeledDeployment {
  /**
   * The deployment of a wildcard for a name that it matches, and for what the model of that name is.
   *
   * @param matched what each `*` stands for
   * @param id the wildcard's own
   * @returns null when no model can have this name
   */
  forName(name: string, matched: readonly string[], id: string): ModeledDeployment | null;
}

/** More is no retry but a loop. */
const maxRetries = 100;

const litellmParams = {
  ...vocabularies.litellmParams,
  used: [...vocabularies.litellmParams.used, ...defaultParamNames],
};

/**
 * Reads one entry of `model_list`.
 *
 * @returns null when something is wrong with it, which is reported
 */
export async function readModelEntry(
  entry: Section,
  alias: string | null,
  deps: DeploymentDeps,
): Promise<ModelEntry | null> {
  checkKeys(entry, vocabularies.modelEntry);
  const params = entry.section('litellm_params');
  const info = entry.section('model_info');
  checkKeys(params, litellmParams);
  checkKeys(info, vocabularies.modelInfo);

  if (entry.has('litellm_params') && !isMapping(entry.raw('litellm_params'))) return null; // reported
  const model = readModelName(params);
  if (model === null) return null;
  if (alias !== null) checkWildcards(params, alias, model);
  const targetFor = await readTarget(params, model, deps);
  const configured = readConfiguredFacts(params, info);
  const id = readId(info);
  const limits = readLimits(params, info);
  const ownInfo = withoutSecrets(info);
  const { mode: modeOfEntry } = factsOf(configured, model, deps);
  const defaultParams = readDefaultParams(params, modeOfEntry);
  const mockResponse = readMockResponse(params, modeOfEntry);
  if (targetFor === null) return null;
  const warning = isWildcard(model.upstreamModel) ? null : priceWarning(configured, model, deps);
  if (warning !== null) entry.warning(null, `alias "${alias ?? ''}": ${warning}`);

  const make = (one: ModelName, name: string, idOf: (target: Target) => string): ModeledDeployment => {
    const { mode, ...factsOfOne } = factsOf(configured, one, deps);
    const target = targetFor(one.upstreamModel);
    const { provider, upstreamModel } = one;
    const names = {
      id: idOf(target),
      alias: name,
      provider,
      model: `${provider}/${upstreamModel}`,
      upstreamModel,
    };
    return {
      mode,
      deployment: { ...names, target, ...factsOfOne, ...limits, ...mockResponse, defaultParams, info: ownInfo },
    };
  };
  return {
    ...make(model, alias ?? '', (target) => id ?? deploymentIdOf(entry, target)),
    forName(name, matched, wildcardId) {
      const one = modelFor(model, matched);
      if (!isModelName(one.upstreamModel) || isWildcard(one.upstreamModel)) return null;
      const made = make(one, name, () => wildcardDeploymentId(wildcardId, one.upstreamModel));
      const defaults = defaultsFor(made.mode, defaultParams);
      return { mode: made.mode, deployment: { ...made.deployment, entryId: wildcardId, defaultParams: defaults } };
    },
  };
}

/** @returns the target by model; null when something is wrong, which is reported */
async function readTarget(
  params: Section,
  { provider }: ModelName,
  deps: DeploymentDeps,
): Promise<((model: string) => Target) | null> {
  const dialect = dialects[provider];
  return dialect ? readKeyedTarget(params, provider, dialect, deps) : readOciTarget(params, deps);
}

/** A `*` that takes the provider's prefix in with the name, as that of `model_name: "*"` does, gives it back. */
function modelFor({ provider, upstreamModel }: ModelName, matched: readonly string[]): ModelName {
  const filled = fillWildcard(upstreamModel, matched);
  const prefix = `${provider}/`;
  const isDoubled = upstreamModel.startsWith('*') && filled.startsWith(prefix);
  return { provider, upstreamModel: isDoubled ? filled.slice(prefix.length) : filled };
}

function checkWildcards(params: Section, alias: string, { upstreamModel }: ModelName): void {
  const [inModel, inName] = [countWildcards(upstreamModel), countWildcards(alias)];
  if (inModel > inName) params.problem('model', `has ${inModel} *, but model_name only ${inName} to fill them from`);
}

function readLimits(params: Section, info: Section) {
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
    ...readRouting(params, info),
    ...readDropParams(params),
  };
}

/** What tells a deployment from others of its alias. What the file does not say is absent. */
function readRouting(params: Section, info: Section) {
  const count = { integer: true, min: 1 } as const;
  const order = params.number('order', { integer: true });
  const requestsPerMinute = params.number('rpm', count);
  const tokensPerMinute = params.number('tpm', count);
  const maxParallelRequests = params.number('max_parallel_requests', count);
  const tags = readTags(params);
  const cooldownMs = params.seconds('cooldown_time', { min: 0 });
  const alsoCooldownMs = info.seconds('cooldown_time', { min: 0 });
  const rests = cooldownMs ?? alsoCooldownMs;
  const allowedFails = readAllowedFails(info);
  const allowedFailsPolicy = readAllowedFailsPolicy(info);
  return {
    ...(order !== null && { order }),
    ...(requestsPerMinute !== null && { requestsPerMinute }),
    ...(tokensPerMinute !== null && { tokensPerMinute }),
    ...(maxParallelRequests !== null && { maxParallelRequests }),
    ...(tags !== null && { tags }),
    ...(rests !== null && { cooldownMs: rests }),
    ...(info.boolean('blocked') === true && { blocked: true as const }),
    ...(allowedFails !== null && { allowedFails }),
    ...(Object.keys(allowedFailsPolicy).length > 0 && { allowedFailsPolicy }),
  };
}

function readMockResponse(params: Section, mode: Mode): { readonly mockResponse?: string } {
  const mockResponse = params.string('mock_response');
  if (mockResponse === null) return {};
  if (mode !== 'chat') params.problem('mock_response', 'only chats can be answered so');
  else if (!MockResponse.safeParse(mockResponse).success) {
    params.problem('mock_response', `expected 1 to ${mockResponseMax} characters`);
  }
  return { mockResponse };
}

function readTags(params: Section): readonly string[] | null {
  const tags = params.array('tags');
  if (tags === null) return null;
  const texts = tags.filter((tag) => typeof tag === 'string' && tag !== '');
  if (texts.length < tags.length) params.problem('tags', 'expected a list of texts');
  return texts.filter((tag) => typeof tag === 'string');
}

function readId(info: Section): string | null {
  const id = info.string('id');
  if (id === null || /^[\x21-\x7e]{1,256}$/.test(id)) return id;
  info.problem('id', 'expected 1 to 256 printable ASCII characters without spaces');
  return null;
}
