import { ProviderError } from '../provider.ts';

/**
 * Fields that the gateway itself answers to, so no provider is asked for them: routing, bookkeeping and
 * LiteLLM's controls (litellm-contract.md §8.5), and what every conversion handles by itself.
 */
const gatewayFields: ReadonlySet<string> = new Set(
  [
    ['model', 'messages', 'input', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
    ['user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key'],
    ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks', 'num_retries', 'timeout', 'stream_timeout'],
    ['disable_fallbacks', 'include_fallback_errors', 'mock_response', 'mock_timeout', 'mock_testing_fallbacks'],
    ['mock_testing_context_fallbacks', 'mock_testing_content_policy_fallbacks', 'mock_testing_rate_limit_error'],
    ['tags', 'litellm_metadata', 'cache', 'guardrails', 'guardrail_config', 'litellm_trace_id'],
    ['litellm_session_id', 'litellm_call_id', 'specific_deployment', 'priority', 'allowed_openai_params'],
    ['drop_params', 'additional_drop_params', 'no-log', 'prompt_id', 'prompt_variables'],
  ].flat(),
);

/** Values that ask for what happens anyway: leaving them out is not dropping anything. */
const neutralValues: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['n', 1],
  ['temperature', 1],
  ['top_p', 1],
  ['frequency_penalty', 0],
  ['presence_penalty', 0],
  ['logprobs', false],
  ['top_logprobs', 0],
  ['parallel_tool_calls', true],
  ['tool_choice', 'auto'],
]);

/**
 * The request without what the model does not support.
 *
 * @param dropParams true: what is not supported is left out; false: it is refused
 * @throws ProviderError `unsupported_parameter`
 */
export function supportedParams<Request extends Record<string, unknown> & { readonly model: string }>(
  request: Request,
  params: ReadonlySet<string>,
  dropParams: boolean,
): Request {
  const unsupported = Object.keys(request).filter((name) => isUnsupported(name, request[name], params));
  if (unsupported.length === 0) return request;

  const refused = unsupported.filter((name) => !isNeutral(name, request[name]));
  if (refused.length > 0 && !dropParams) throw unsupportedParameters(refused, request.model);
  return { ...request, ...Object.fromEntries(unsupported.map((name) => [name, undefined])) };
}

/** The refusal, in the words that LiteLLM's clients look for. */
export function unsupportedParameters(names: readonly string[], model: string): ProviderError {
  const list = names.map((name) => `'${name}'`).join(', ');
  const message = `litellm.UnsupportedParamsError: oci does not support parameters: [${list}], for model=${model}. To drop these, set \`litellm.drop_params=True\``;
  return new ProviderError('unsupported_parameter', message, {
    status: 400,
    param: names[0] ?? null,
    mayBeBilled: false,
  });
}

function isUnsupported(name: string, value: unknown, params: ReadonlySet<string>): boolean {
  return value !== null && value !== undefined && !params.has(name) && !gatewayFields.has(name);
}

function isNeutral(name: string, value: unknown): boolean {
  return neutralValues.has(name) && neutralValues.get(name) === value;
}
