import type { ProviderEvent } from '../../provider.ts';
import { errorFromEvent } from '../errors.ts';
import { finishReasonOf } from '../finish-reason.ts';
import { wholeToolCall } from '../tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { isObject, listOf, textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';
import { cohereToolCall } from './cohere-tool-call.ts';

/**
 * A whole COHERE answer as events (oci-wire.md §3.6). There is always one choice, tool calls have no ids, and
 * they come with COMPLETE.
 *
 * @throws ProviderError when the answer says that it failed
 */
export function fromCohereResponse(chatResponse: WireObject, newToolCallId: () => string): ProviderEvent[] {
  const failure = errorFromEvent(chatResponse);
  if (failure) throw failure;

  const events: ProviderEvent[] = [];
  const text = textOf(chatResponse['text']);
  if (text !== '') events.push({ type: 'text-delta', choice: 0, text });
  const calls = listOf(chatResponse['toolCalls']).filter(isObject);
  for (const [toolCall, call] of calls.entries()) {
    events.push(wholeToolCall({ choice: 0, toolCall }, cohereToolCall(call), newToolCallId));
  }
  const finishReason = finishReasonOf(chatResponse['finishReason'], calls.length > 0);
  events.push({ type: 'choice-end', choice: 0, finishReason });
  const usage = readUsage(chatResponse['usage']);
  if (usage) events.push({ type: 'usage', usage });
  return events;
}
