import type { FinishReason } from '@sluice/shared/contracts/token-event.ts';
import type { ProviderEvent } from '../../provider.ts';
import type { ChatEventReader } from '../chat-format.ts';
import { errorFromEvent } from '../errors.ts';
import { finishReasonOf } from '../finish-reason.ts';
import { ToolCallAccumulator } from '../tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { countOf, isObject, listOf, textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';
import { messageText, toolCallFragment } from './generic-message.ts';

/** OpenAI's own bound on `n`. */
const choicesMax = 128;

interface Choice {
  readonly index: number;
  readonly calls: ToolCallAccumulator;
  ended: boolean;
}

export function createGenericEventReader(newToolCallId: () => string): ChatEventReader {
  return new GenericEventReader(newToolCallId);
}

/**
 * Reads the events of a GENERIC stream: bare pieces of choices, a finish, then usage (oci-wire.md §4.2). Every
 * vendor leaves something out, so any event may hold any of them.
 */
class GenericEventReader implements ChatEventReader {
  readonly #newToolCallId: () => string;
  /** In the order in which they began. */
  readonly #choices: Choice[] = [];
  #finishSeen = false;
  #finalUsageSeen = false;

  constructor(newToolCallId: () => string) {
    this.#newToolCallId = newToolCallId;
  }

  get isFinished(): boolean {
    return this.#finishSeen && this.#choices.every((choice) => choice.ended);
  }

  get hasFinalUsage(): boolean {
    return this.#finalUsageSeen;
  }

  read(event: WireObject, out: ProviderEvent[]): void {
    const failure = errorFromEvent(event);
    if (failure) throw failure;

    if (Array.isArray(event['choices'])) {
      for (const choice of event['choices']) if (isObject(choice)) this.#readChoice(choice, out);
    } else {
      this.#readChoice(event, out);
    }
    const usage = event['usage'] ? readUsage(event['usage']) : null;
    if (usage) {
      out.push({ type: 'usage', usage });
      // Gemini repeats usage while it writes; the counts are final only from the finish on.
      this.#finalUsageSeen = this.isFinished;
    }
  }

  end(out: ProviderEvent[]): void {
    for (const choice of this.#choices) if (!choice.ended) this.#endChoice(choice, undefined, out);
    if (this.#choices.length === 0) this.#endChoice(this.#choice(0), undefined, out);
  }

  #readChoice(piece: WireObject, out: ProviderEvent[]): void {
    const { message, finishReason } = piece;
    if (isObject(message)) this.#readMessage(message, this.#choice(this.#indexOf(piece)), out);
    if (finishReason === undefined || finishReason === null) return;
    this.#finishSeen = true;
    this.#endChoice(this.#choice(this.#indexOf(piece)), finishReason, out);
  }

  #readMessage(message: WireObject, choice: Choice, out: ProviderEvent[]): void {
    const reasoning = textOf(message['reasoningContent']);
    if (reasoning !== '') out.push({ type: 'reasoning-delta', choice: choice.index, text: reasoning });
    const text = messageText(message);
    if (text !== '') out.push({ type: 'text-delta', choice: choice.index, text });
    for (const call of listOf(message['toolCalls'])) {
      if (isObject(call)) choice.calls.add(toolCallFragment(call), out);
    }
  }

  /** Several vendors leave the index out, at the latest at the finish: then it is the first choice still open. */
  #indexOf(piece: WireObject): number {
    const index = countOf(piece['index']);
    if (index !== null) return Math.min(index, choicesMax - 1);
    return this.#choices.find((choice) => !choice.ended)?.index ?? 0;
  }

  #choice(index: number): Choice {
    const known = this.#choices.find((choice) => choice.index === index);
    if (known) return known;
    const choice = { index, calls: new ToolCallAccumulator(index, this.#newToolCallId), ended: false };
    this.#choices.push(choice);
    return choice;
  }

  #endChoice(choice: Choice, reason: unknown, out: ProviderEvent[]): void {
    if (choice.ended) return;
    choice.ended = true;
    choice.calls.end(out);
    const finishReason: FinishReason = finishReasonOf(reason, !choice.calls.isEmpty);
    out.push({ type: 'choice-end', choice: choice.index, finishReason });
  }
}
