import type { FinishReason } from '@sluice/shared/contracts/token-event.ts';

/** Every spelling seen, in lower case: OpenAI's, Anthropic's, OCI's (oci-wire.md §3.4, §3.6, §3.7), and of the vendors behind it. */
const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['complete', 'stop'],
  ['completed', 'stop'],
  ['stop_sequence', 'stop'],
  ['end_turn', 'stop'],
  ['user_cancel', 'stop'],
  ['pause_turn', 'stop'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['max_output_tokens', 'length'],
  ['max_completion_tokens', 'length'],
  ['model_length', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_call', 'tool_calls'],
  ['tool_calls', 'tool_calls'],
  ['tool_use', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
  ['content_filtered', 'content_filter'],
  ['error_toxic', 'content_filter'],
  ['safety', 'content_filter'],
  ['image_safety', 'content_filter'],
  ['recitation', 'content_filter'],
  ['blocklist', 'content_filter'],
  ['prohibited_content', 'content_filter'],
  ['spii', 'content_filter'],
  ['refusal', 'content_filter'],
  ['error', 'error'],
  ['error_limit', 'error'],
  ['timeout', 'error'],
  ['malformed_function_call', 'error'],
  ['unexpected_tool_call', 'error'],
]);

/**
 * Why a choice ended. Models that called tools often say `stop` or `COMPLETE`, so calls decide over those;
 * not over `length`, because then the last call may be cut.
 *
 * @param raw the provider's word; absent counts as a normal end
 */
export function finishReasonOf(raw: unknown, hasToolCalls: boolean): FinishReason {
  const word = typeof raw === 'string' ? raw.toLowerCase() : 'stop';
  const reason = finishReasons.get(word) ?? (word.includes('error') ? 'error' : 'stop');
  return reason === 'stop' && hasToolCalls ? 'tool_calls' : reason;
}
