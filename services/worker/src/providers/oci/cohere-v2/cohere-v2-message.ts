import type { ProviderEvent } from '../../provider.ts';
import { isObject, listOf, textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';

/** Thinking and the plan for tool calls are reasoning; the rest is the answer. */
export function readCohereV2Message(message: WireObject, out: ProviderEvent[]): void {
  let reasoning = textOf(message['toolPlan']);
  let text = '';
  for (const part of listOf(message['content'])) {
    if (isObject(part)) {
      reasoning += textOf(part['thinking']);
      text += textOf(part['text']);
    }
  }
  if (reasoning !== '') out.push({ type: 'reasoning-delta', choice: 0, text: reasoning });
  if (text !== '') out.push({ type: 'text-delta', choice: 0, text });
}
