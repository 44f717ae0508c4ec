import type { ProviderEvent } from '../../provider.ts';
import { brokenAnswer, errorFromEvent } from '../errors.ts';
import { finishReasonOf } from '../finish-reason.ts';
import { wholeToolCall } from '../tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { countOf, isObject, listOf, textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';
import { messageText, toolCallFragment } from './generic-message.ts';

/**
 * A whole GENERIC answer as events, choice after choice (oci-wire.md §3.4).
 *
 * @throws ProviderError when the answer says that it failed
 */
export function fromGenericResponse(chatResponse: WireObject, newToolCallId: () => string): ProviderEvent[] {
  const failure = errorFromEvent(chatResponse);
  if (failure) throw failure;

  const choices = listOf(chatResponse['choices']);
  if (choices.length === 0) throw brokenAnswer('The answer has no choices.', null);
  const events: ProviderEvent[] = [];
  for (const [position, choice] of choices.entries()) {
    if (isObject(choice)) readChoice(choice, countOf(choice['index']) ?? position, newToolCallId, events);
  }
  const usage = readUsage(chatResponse['usage']);
  if (usage) events.push({ type: 'usage', usage });
  return events;
}

function readChoice(choice: WireObject, index: number, newToolCallId: () => string, out: ProviderEvent[]): void {
  // Absent when reasoning used up the token budget.
  const message = isObject(choice['message']) ? choice['message'] : {};
  const reasoning = textOf(message['reasoningContent']);
  if (reasoning !== '') out.push({ type: 'reasoning-delta', choice: index, text: reasoning });
  const text = messageText(message);
  if (text !== '') out.push({ type: 'text-delta', choice: index, text });

  const calls = listOf(message['toolCalls']).filter(isObject);
  for (const [toolCall, call] of calls.entries()) {
    out.push(wholeToolCall({ choice: index, toolCall }, toolCallFragment(call), newToolCallId));
  }
  out.push({
    type: 'choice-end',
    choice: index,
    finishReason: finishReasonOf(choice['finishReason'], calls.length > 0),
  });
}
