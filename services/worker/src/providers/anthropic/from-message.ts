import { isJsonObject } from '@sluice/shared/json-object.ts';
import { finishReasonOf } from '../chat/finish-reason.ts';
import type { Failures } from '../http/failures.ts';
import { listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderEvent } from '../provider.ts';
import { failureInAnswer } from './failures.ts';
import { readUsage } from './usage.ts';

/**
 * A whole message as events. Blocks of tools that Anthropic would run are not asked for and so not expected.
 *
 * @throws ProviderError when the answer says that it failed, or is no message
 */
export function fromMessage(message: WireObject, failures: Failures): ProviderEvent[] {
  const failure = failureInAnswer(message, failures);
  if (failure) throw failure;
  if (!Array.isArray(message['content'])) throw failures.brokenAnswer('The answer has no content.', null);

  const events: ProviderEvent[] = [];
  let calls = 0;
  for (const block of listOf(message['content'])) {
    if (!isJsonObject(block)) continue;
    if (block['type'] === 'tool_use') {
      events.push({
        type: 'tool-call-delta',
        choice: 0,
        toolCall: calls,
        id: textOf(block['id']),
        name: textOf(block['name']),
        arguments: JSON.stringify(isJsonObject(block['input']) ? block['input'] : {}),
      });
      calls += 1;
    } else {
      pushText(block, events);
    }
  }
  events.push({ type: 'choice-end', choice: 0, finishReason: finishReasonOf(message['stop_reason'], calls > 0) });
  const usage = readUsage(message['usage']);
  if (usage) events.push({ type: 'usage', usage });
  return events;
}

function pushText(block: WireObject, out: ProviderEvent[]): void {
  const text = textOf(block['text']);
  const thinking = textOf(block['thinking']);
  if (thinking !== '') out.push({ type: 'reasoning-delta', choice: 0, text: thinking });
  if (text !== '') out.push({ type: 'text-delta', choice: 0, text });
}
