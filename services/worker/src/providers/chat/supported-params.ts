import { paramNamesIn } from '@sluice/shared/api/litellm/param-names.ts';
import { ProviderError } from '../provider.ts';

/** Which values of a parameter work. `any`: what OpenAI's own bounds allow. */
export type ParamRule =
  'any' | { readonly min: number; readonly max: number } | { readonly oneOf: readonly (string | number | boolean)[] };

/** OpenAI's names of the parameters that work; all others are unsupported. */
export type ParamRules = ReadonlyMap<string, ParamRule>;

/**
 * Fields that the gateway itself answers to, so no provider is asked for them: routing, bookkeeping and
 * LiteLLM's controls (litellm-contract.md §8.5).
 */
export const gatewayFields: ReadonlySet<string> = new Set(
  [
    ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks', 'num_retries', 'timeout', 'stream_timeout'],
    ['disable_fallbacks', 'include_fallback_errors', 'mock_response', 'mock_timeout', 'mock_testing_fallbacks'],
    ['mock_testing_context_fallbacks', 'mock_testing_content_policy_fallbacks', 'mock_testing_rate_limit_error'],
    ['metadata', 'tags', 'litellm_metadata', 'cache', 'guardrails', 'guardrail_config', 'litellm_trace_id'],
    ['litellm_session_id', 'litellm_call_id', 'specific_deployment', 'priority', 'allowed_openai_params'],
    ['drop_params', 'additional_drop_params', 'no-log', 'prompt_id', 'prompt_variables'],
  ].flat(),
);

/** Fields that every conversion handles by itself, or that mean nothing beyond OpenAI. */
const handledFields: ReadonlySet<string> = new Set(
  [
    ['model', 'messages', 'input', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
    ['user', 'store', 'safety_identifier', 'prompt_cache_key'],
  ].flat(),
);

/**
 * Values that ask for what happens anyway: leaving them out is not dropping anything. Nor is it with an empty list
 * or object. Another service tier has another price, which is in no price book.
 */
const neutralValues: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['n', [1]],
  ['temperature', [1]],
  ['top_p', [1]],
  ['frequency_penalty', [0]],
  ['presence_penalty', [0]],
  ['logprobs', [false]],
  ['top_logprobs', [0]],
  ['parallel_tool_calls', [true]],
  ['tool_choice', ['auto']],
  ['service_tier', ['auto', 'default', 'flex']],
]);

/**
 * The request without what the model does not support.
 *
 * @param dropParams true: what is not supported is left out; false: it is refused
 * @param provider as LiteLLM names it in the refusal
 * @throws ProviderError `unsupported_parameter`
 */
export function supportedParams<Request extends Record<string, unknown> & { readonly model: string }>(
  request: Request,
  params: ParamRules,
  dropParams: boolean,
  provider = 'oci',
): Request {
  const unsupported = Object.keys(request).filter((name) => isUnsupported(name, request[name], params));
  if (unsupported.length === 0) return request;

  const refused = refusedOf(
    unsupported.filter((name) => !isNeutral(name, request[name])),
    request,
    dropParams,
  );
  const allowed = allowedParams(request);
  if (refused.length > 0) throw unsupportedParameters(refused, request.model, { params, provider, allowed });
  return { ...request, ...Object.fromEntries(unsupported.map((name) => [name, undefined])) };
}

/** Of what is not supported, what is not dropped: all without `drop_params`, and what `allowed_openai_params` names. */
export function refusedOf(
  unsupported: readonly string[],
  request: Readonly<Record<string, unknown>>,
  dropParams: boolean,
): readonly string[] {
  if (!dropParams) return unsupported;
  const allowed = allowedParams(request);
  return unsupported.filter((name) => allowed.has(name));
}

/** What the client wants the model to have, or else to be told. */
export function allowedParams(request: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  return paramNamesIn(request, 'allowed_openai_params');
}

/** The refusal, in the words that LiteLLM's clients look for, and what would have worked. */
export function unsupportedParameters(
  names: readonly string[],
  model: string,
  { params = new Map(), provider = 'oci', allowed = new Set() }: RefusalDetails = {},
): ProviderError {
  const list = names.map((name) => `'${name}'`).join(', ');
  const advice = [
    ...names.map((name) => adviceOf(name, params.get(name))),
    names.some((name) => allowed.has(name)) ? '. What `allowed_openai_params` names is not dropped' : '',
  ].join('');
  const message = `litellm.UnsupportedParamsError: ${provider} does not support parameters: [${list}], for model=${model}. To drop these, set \`litellm.drop_params=True\`${advice}`;
  return new ProviderError('unsupported_parameter', message, {
    status: 400,
    param: names[0] ?? null,
    mayBeBilled: false,
  });
}

interface RefusalDetails {
  readonly params?: ParamRules;
  readonly provider?: string;
  /** What `allowed_openai_params` names. */
  readonly allowed?: ReadonlySet<string>;
}

function isUnsupported(name: string, value: unknown, params: ParamRules): boolean {
  if (value === null || value === undefined || gatewayFields.has(name) || handledFields.has(name)) return false;
  const rule = params.get(name);
  return rule === undefined || !allows(rule, value);
}

function allows(rule: ParamRule, value: unknown): boolean {
  if (rule === 'any') return true;
  if ('oneOf' in rule) return rule.oneOf.some((allowed) => allowed === value);
  return typeof value === 'number' && value >= rule.min && value <= rule.max;
}

function adviceOf(name: string, rule: ParamRule | undefined): string {
  if (rule === undefined || rule === 'any') return '';
  const values = 'oneOf' in rule ? rule.oneOf.map(String).join(', ') : `${rule.min} to ${rule.max}`;
  return `. Values of '${name}' that work: ${values}`;
}

function isNeutral(name: string, value: unknown): boolean {
  if (name === 'web_search_options') return false; // an empty one asks for a search as well
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return neutralValues.get(name)?.includes(value) === true;
}
