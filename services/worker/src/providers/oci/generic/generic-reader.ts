import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../../provider.ts';
import { AnswerNotes } from '../../chat/answer-notes.ts';
import type { ChatEventReader, ReaderOptions } from '../../chat/chat-event-reader.ts';
import { errorFromEvent, ociFailures } from '../errors.ts';
import { finishReasonOf } from '../../chat/finish-reason.ts';
import { pushLogProbs } from '../../chat/log-probs.ts';
import { genericLogProbs } from '../log-probs.ts';
import { ToolCallAccumulator } from '../../chat/tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { countOf, listOf, textOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';
import { messageText, toolCallFragment } from '../../chat/answer-message.ts';

/** OpenAI's own bound on `n`. */
const choicesMax = 128;

interface Choice {
  readonly index: number;
  readonly calls: ToolCallAccumulator;
  readonly notes: AnswerNotes;
  ended: boolean;
}

export function createGenericReader(options: ReaderOptions): ChatEventReader {
  return new GenericReader(options);
}

/**
 * Reads GENERIC: a whole answer, whose choices are a list, or the events of a stream, which are bare pieces of
 * choices, a finish, then usage (oci-wire.md §3.4, §4.2). Every vendor leaves something out, so any event may hold
 * any of them.
 */
class GenericReader implements ChatEventReader {
  readonly #options: ReaderOptions;
  /** In the order in which they began. */
  readonly #choices: Choice[] = [];
  #finishSeen = false;
  #finalUsageSeen = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
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

    const pieces = Array.isArray(event['choices']) ? event['choices'].filter(isJsonObject) : [event];
    if (this.#options.isWhole && (pieces.length === 0 || pieces[0] === event)) {
      throw ociFailures.brokenAnswer('The answer has no choices.', null);
    }
    for (const [position, piece] of pieces.entries()) this.#readChoice(piece, position, out);
    // A choice may have the usage instead, which is all of it when it is the only one.
    const usage = readUsage(event['usage'] ?? (pieces.length === 1 ? pieces[0]?.['usage'] : null));
    if (usage) {
      out.push({ type: 'usage', usage });
      // Gemini repeats usage while it writes; the counts are final only from the finish on.
      this.#finalUsageSeen = this.isFinished;
    }
  }

  end(out: ProviderEvent[]): void {
    if (this.#choices.length === 0) this.#choice(0);
    for (const choice of this.#choices) this.#endChoice(choice, undefined, out);
  }

  #readChoice(piece: WireObject, position: number, out: ProviderEvent[]): void {
    const { message, finishReason, logprobs, groundingMetadata } = piece;
    const isFinish = finishReason !== undefined && finishReason !== null;
    const saysSomething = isJsonObject(message) || isJsonObject(logprobs) || isJsonObject(groundingMetadata);
    if (!saysSomething && !isFinish && !this.#options.isWhole) return;

    const choice = this.#choice(this.#indexOf(piece, position));
    if (isJsonObject(message)) this.#readMessage(message, choice, out);
    pushLogProbs(genericLogProbs(logprobs), choice.index, this.#options.topLogProbs, out);
    choice.notes.readFields(piece, ['groundingMetadata'], out);
    if (!isFinish) return;
    this.#finishSeen = true;
    this.#endChoice(choice, finishReason, out);
  }

  #readMessage(message: WireObject, choice: Choice, out: ProviderEvent[]): void {
    const { index } = choice;
    const reasoning = textOf(message['reasoningContent']);
    if (reasoning !== '') out.push({ type: 'reasoning-delta', choice: index, text: reasoning });
    const text = messageText(message);
    if (text !== '') out.push({ type: 'text-delta', choice: index, text });
    const refusal = textOf(message['refusal']);
    if (refusal !== '') out.push({ type: 'refusal-delta', choice: index, text: refusal });
    choice.notes.readAnnotations(message['annotations'], out);
    const calls = listOf(message['toolCalls']).filter(isJsonObject).map(toolCallFragment);
    choice.calls.add(calls, out);
  }

  /** Several vendors leave the index out, at the latest at the finish: then it is the first choice still open. */
  #indexOf(piece: WireObject, position: number): number {
    const index = countOf(piece['index']) ?? (this.#options.isWhole ? position : null);
    if (index !== null) return Math.min(index, choicesMax - 1);
    return this.#choices.find((choice) => !choice.ended)?.index ?? 0;
  }

  #choice(index: number): Choice {
    const known = this.#choices.find((choice) => choice.index === index);
    if (known) return known;
    const calls = new ToolCallAccumulator(index, this.#options);
    const choice = { index, calls, notes: new AnswerNotes(index), ended: false };
    this.#choices.push(choice);
    return choice;
  }

  #endChoice(choice: Choice, reason: unknown, out: ProviderEvent[]): void {
    if (choice.ended) return;
    choice.ended = true;
    choice.calls.end(out);
    const finishReason = finishReasonOf(reason, !choice.calls.isEmpty);
    out.push({ type: 'choice-end', choice: choice.index, finishReason });
  }
}
