import type { ProviderEvent } from '../../provider.ts';
import { errorFromEvent } from '../errors.ts';
import { finishReasonOf } from '../finish-reason.ts';
import { toolCallFragment } from '../generic/generic-message.ts';
import { wholeToolCall } from '../tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { isObject, listOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';
import { readCohereV2Message } from './cohere-v2-message.ts';

/**
 * A whole COHEREV2 answer as events (oci-wire.md §3.7): one message, thinking and text as parts.
 *
 * @throws ProviderError when the answer says that it failed
 */
export function fromCohereV2Response(chatResponse: WireObject, newToolCallId: () => string): ProviderEvent[] {
  const failure = errorFromEvent(chatResponse);
  if (failure) throw failure;

  const events: ProviderEvent[] = [];
  const message = isObject(chatResponse['message']) ? chatResponse['message'] : {};
  readCohereV2Message(message, events);
  const calls = listOf(message['toolCalls']).filter(isObject);
  for (const [toolCall, call] of calls.entries()) {
    events.push(wholeToolCall({ choice: 0, toolCall }, toolCallFragment(call), newToolCallId));
  }
  const finishReason = finishReasonOf(chatResponse['finishReason'], calls.length > 0);
  events.push({ type: 'choice-end', choice: 0, finishReason });
  const usage = readUsage(chatResponse['usage']);
  if (usage) events.push({ type: 'usage', usage });
  return events;
}
