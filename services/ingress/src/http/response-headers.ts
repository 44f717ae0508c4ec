import type { AnswerStart, FallbackError } from '@sluice/shared/contracts/token-event.ts';
import { errorCatalog, isErrorCode } from '@sluice/shared/errors.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { AccountState } from '@sluice/shared/ports/admission.ts';
import type { RequestAccount } from '../tenancy/holder-accounts.ts';
import type { Limits } from '../tenancy/limits.ts';

/** Response headers of an inference request, name → value; contract §7.1, §7.2. */
export type ResponseHeaders = Readonly<Record<string, string>>;

type KeyLimits = Pick<Limits, 'maxBudgetNanoUsd' | 'requestsPerMinute' | 'tokensPerMinute'>;

/** Known once the caller is: also on errors. */
export function callerHeaders(callId: string, version: string, key: KeyLimits | null): ResponseHeaders {
  return withoutEmpty({
    'x-litellm-call-id': callId,
    'x-litellm-version': version,
    'x-litellm-key-max-budget': key?.maxBudgetNanoUsd == null ? null : usdText(key.maxBudgetNanoUsd),
    'x-litellm-key-rpm-limit': key?.requestsPerMinute ?? null,
    'x-litellm-key-tpm-limit': key?.tokensPerMinute ?? null,
  });
}

/** Known once it is known how the request is to be run: also on refusals. */
export function timeoutHeader(timeoutMs: number): ResponseHeaders {
  return { 'x-litellm-timeout': floatText(timeoutMs / 1_000) };
}

/**
 * Of a request that was not let in: it has cost nothing.
 *
 * @param spentNanoUsd by the key, in the window of its budget; null: not known
 */
export function refusalHeaders(alias: string, spentNanoUsd: number | null): ResponseHeaders {
  return withoutEmpty({
    'x-litellm-model-group': alias,
    'x-litellm-response-cost': '0.0',
    'x-litellm-key-spend': spentNanoUsd === null ? null : usdText(spentNanoUsd),
  });
}

/** Known once the request is admitted: also on what a worker refuses, until an answer says which alias it is of. */
export function admissionHeaders(
  admitted: { alias: string; outputTokensCap: number; askedOutputTokens: number; timeoutMs: number },
  key: KeyLimits | null,
  state: AccountState | undefined,
  now: number,
): ResponseHeaders {
  const reset = state ? `${Math.max(0, Math.ceil((state.windowResetsAt - now) / 1_000))}s` : null;
  const clamped = admitted.outputTokensCap < admitted.askedOutputTokens;
  return withoutEmpty({
    ...timeoutHeader(admitted.timeoutMs),
    'x-litellm-model-group': admitted.alias,
    // The budget had room for fewer tokens than the request asked for.
    'x-sluice-max-tokens-clamped': clamped ? admitted.outputTokensCap : null,
    'x-ratelimit-limit-requests': key?.requestsPerMinute ?? null,
    'x-ratelimit-remaining-requests': state?.requestsRemaining ?? null,
    'x-ratelimit-reset-requests': state?.requestsRemaining == null ? null : reset,
    'x-ratelimit-limit-tokens': key?.tokensPerMinute ?? null,
    'x-ratelimit-remaining-tokens': state?.tokensRemaining ?? null,
    'x-ratelimit-reset-tokens': state?.tokensRemaining == null ? null : reset,
  });
}

/** The limits of each account that has any, and what is left of them; contract §7.2. */
export function accountHeaders(accounts: readonly RequestAccount[], states: readonly AccountState[]): ResponseHeaders {
  const headers: Record<string, string> = {};
  for (const [index, { name, limits, model }] of accounts.entries()) {
    const state = states[index];
    const names = rateNamesOf(name.descriptor);
    tell(headers, names.limitRequests, limits.requestsPerMinute);
    tell(headers, names.remainingRequests, state?.requestsRemaining);
    tell(headers, names.limitTokens, limits.tokensPerMinute);
    tell(headers, names.remainingTokens, state?.tokensRemaining);
    tell(headers, names.limitParallelRequests, limits.maxParallelRequests);
    tell(headers, names.remainingParallelRequests, state?.parallelRequestsRemaining);
    // What is no name of a header is left out.
    if (name.descriptor !== 'model_per_key' || model === undefined || !/^[\w-]+$/.test(model)) continue;
    const ofModel = model.toLowerCase(); // names of headers are told apart in lower case
    tell(headers, `x-litellm-key-remaining-requests-${ofModel}`, state?.requestsRemaining);
    tell(headers, `x-litellm-key-remaining-tokens-${ofModel}`, state?.tokensRemaining);
  }
  return headers;
}

/** Of several tags the first with such a limit is shown. */
function tell(headers: Record<string, string>, name: string, value: number | null | undefined): void {
  if (value != null) headers[name] ??= String(value);
}

/** Every request asks; of descriptors there are a few, all of them ours. */
const rateNames = new Map<string, ReturnType<typeof namesWith>>();

function rateNamesOf(descriptor: string) {
  const known = rateNames.get(descriptor);
  if (known) return known;
  const names = namesWith(`x-ratelimit-${descriptor}`);
  rateNames.set(descriptor, names);
  return names;
}

function namesWith(prefix: string) {
  return {
    limitRequests: `${prefix}-limit-requests`,
    remainingRequests: `${prefix}-remaining-requests`,
    limitTokens: `${prefix}-limit-tokens`,
    remainingTokens: `${prefix}-remaining-tokens`,
    limitParallelRequests: `${prefix}-limit-max_parallel_requests`,
    remainingParallelRequests: `${prefix}-remaining-max_parallel_requests`,
  };
}

/** Known once a provider answers. */
export function answerHeaders(start: AnswerStart): ResponseHeaders {
  return withoutEmpty({
    'x-litellm-model-id': start.deploymentId,
    'x-litellm-model-group': start.alias,
    'x-litellm-model-api-base': start.apiBase,
    'x-litellm-model-region': start.region,
    'x-litellm-attempted-retries': start.retries,
    'x-litellm-max-retries': start.retries > 0 ? start.maxRetries : null,
    'x-litellm-attempted-fallbacks': start.fallbacks,
    'x-litellm-max-fallbacks': start.fallbacks > 0 ? start.maxFallbacks : null,
    'x-litellm-fallback-errors': start.fallbackErrors && fallbackErrorsText(start.fallbackErrors),
    // What the gateway took before it called; the row's litellm_overhead_time_ms.
    'x-litellm-overhead-duration-ms': floatText(start.queueMs),
    'x-sluice-queue-ms': Math.round(start.queueMs),
    ...shownProviderHeaders(start.providerHeaders),
  });
}

/** What the provider said in its headers, of an answer or of a refusal. */
export function shownProviderHeaders(headers: Readonly<Record<string, string>>): ResponseHeaders {
  const shown: Record<string, string> = {};
  for (const name in headers) if (headers[name]) shown[`llm_provider-${name}`] = headers[name];
  return shown;
}

/**
 * Known once the answer is complete, so only on answers that are not streamed.
 *
 * @param spentNanoUsd by the key before this answer; null: of the operator
 */
export function costHeaders(costNanoUsd: number, spentNanoUsd: number | null, durationMs: number): ResponseHeaders {
  return withoutEmpty({
    'x-litellm-response-cost': usdText(costNanoUsd),
    'x-litellm-key-spend': spentNanoUsd === null ? null : usdText(spentNanoUsd + costNanoUsd),
    'x-litellm-response-duration-ms': floatText(durationMs),
  });
}

/** Proxies give up on headers that are much longer. Bytes. */
const fallbackErrorsMax = 3_072;

/** A JSON list in the one shape of errors, the first failure first; those that do not fit are left out. */
function fallbackErrorsText(errors: readonly FallbackError[]): string {
  const shown: string[] = [];
  let length = 2;
  for (const { code, message, param } of errors) {
    const { status, type } = errorCatalog[isErrorCode(code) ? code : 'internal'];
    const text = asciiJson({ message, type, param, code: String(status) });
    length += text.length + 1;
    if (length > fallbackErrorsMax) break;
    shown.push(text);
  }
  return `[${shown.join(',')}]`;
}

/** A header holds printable ASCII: JSON says the same with escapes. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** USD without an exponent: `0.000000001`. */
export function usdText(nanoUsd: number): string {
  const text = nanoUsdToUsd(nanoUsd).toFixed(9);
  return text.replace(/\.?0+$/, '') || '0';
}

/** A float as Python prints it: `1.0`, `0.001`. */
function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function withoutEmpty(headers: Record<string, string | number | null | undefined>): ResponseHeaders {
  const present: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== null && value !== undefined && value !== '') present[name] = String(value);
  }
  return present;
}
