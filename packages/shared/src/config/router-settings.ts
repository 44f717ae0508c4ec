import { priorityDefault, priorityMax } from '../contracts/turn.ts';
import type { Findings } from './findings.ts';
import type { ReadAliases } from './aliases.ts';
import type { RouterSettings } from './router-config.ts';
import { readFallbackLists, readFallbacks } from './fallback-lists.ts';
import { readRoutingSettings } from './routing-settings.ts';
import type { Section } from './section.ts';

const maxFallbacks = 100;
const maxRetries = 100;
const defaultTimeoutMs = 600_000;

/** How requests are retried and handed on. What `router_settings` says wins over the same in `litellm_settings`. */
export function readRouterSettings(
  { router, litellm, general }: { router: Section; litellm: Section; general: Section },
  known: ReadAliases,
  findings: Findings,
): RouterSettings {
  const retries = { integer: true, min: 0, max: maxRetries } as const;
  const routerRetries = router.number('num_retries', retries);
  const litellmRetries = litellm.number('num_retries', retries);
  const routerTimeoutMs = router.seconds('timeout', { min: 0.001 });
  const litellmTimeoutMs = litellm.seconds('request_timeout', { min: 0.001 });
  const timeoutMs = routerTimeoutMs ?? litellmTimeoutMs ?? defaultTimeoutMs;
  const sections = [router, litellm];
  return {
    fallbacks: readFallbacks(sections, known, findings),
    contextWindowFallbacks: readFallbackLists(sections, 'context_window_fallbacks', known, findings),
    contentPolicyFallbacks: readFallbackLists(sections, 'content_policy_fallbacks', known, findings),
    ...readRoutingSettings({ router, litellm }, known),
    maxFallbacks: router.number('max_fallbacks', { integer: true, min: 0, max: maxFallbacks }) ?? 5,
    numRetries: routerRetries ?? litellmRetries ?? 2,
    retryAfterMs: router.seconds('retry_after', { min: 0 }) ?? 0,
    debugInErrors: litellm.boolean('expose_router_debug_in_errors') ?? true,
    showsFallbackErrors: general.boolean('expose_fallback_errors_to_caller') ?? true,
    mockTesting: general.boolean('dangerously_allow_mock_testing_request_params') ?? false,
    timeoutMs,
    streamTimeoutMs: router.seconds('stream_timeout', { min: 0.001 }) ?? timeoutMs,
    defaultPriority: router.number('default_priority', { integer: true, min: 0, max: priorityMax }) ?? priorityDefault,
  };
}
