import type { ProviderEvent } from '../../provider.ts';
import type { ChatEventReader } from '../chat-format.ts';
import { errorFromEvent } from '../errors.ts';
import { finishReasonOf } from '../finish-reason.ts';
import { wholeToolCall } from '../tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { isObject, listOf, textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';
import { cohereToolCall } from './cohere-tool-call.ts';

export function createCohereEventReader(newToolCallId: () => string): ChatEventReader {
  return new CohereEventReader(newToolCallId);
}

/**
 * Reads the events of a COHERE stream: pieces of text, then one or two summaries that repeat the text, the
 * history and the tool calls (oci-wire.md §4.3).
 */
class CohereEventReader implements ChatEventReader {
  readonly #newToolCallId: () => string;
  #hasText = false;
  #toolCalls = 0;
  #isFinished = false;
  #hasFinalUsage = false;

  constructor(newToolCallId: () => string) {
    this.#newToolCallId = newToolCallId;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  get hasFinalUsage(): boolean {
    return this.#hasFinalUsage;
  }

  read(event: WireObject, out: ProviderEvent[]): void {
    const failure = errorFromEvent(event);
    if (failure) throw failure;

    const { finishReason } = event;
    const isEnd = finishReason !== undefined && finishReason !== null;
    this.#readText(event, isEnd, out);
    this.#readToolCalls(event, out);
    if (isEnd && !this.#isFinished) this.#endChoice(finishReason, out);
    const usage = event['usage'] ? readUsage(event['usage']) : null;
    if (usage) {
      out.push({ type: 'usage', usage });
      this.#hasFinalUsage = this.#isFinished;
    }
  }

  end(out: ProviderEvent[]): void {
    if (!this.#isFinished) this.#endChoice(undefined, out);
  }

  /** A summary's text counts only when nothing was streamed before it. */
  #readText(event: WireObject, isEnd: boolean, out: ProviderEvent[]): void {
    const text = textOf(event['text']);
    if (text === '') return;
    const isSummary = isEnd || Array.isArray(event['toolCalls']) || Array.isArray(event['chatHistory']);
    if (isSummary && this.#hasText) return;
    this.#hasText = true;
    out.push({ type: 'text-delta', choice: 0, text });
  }

  /** Each summary repeats the calls from the first on, so only positions not yet seen are new. */
  #readToolCalls(event: WireObject, out: ProviderEvent[]): void {
    const calls = listOf(event['toolCalls']);
    for (const call of calls.slice(this.#toolCalls)) {
      if (isObject(call)) {
        const position = { choice: 0, toolCall: this.#toolCalls };
        out.push(wholeToolCall(position, cohereToolCall(call), this.#newToolCallId));
      }
      this.#toolCalls += 1;
    }
  }

  #endChoice(reason: unknown, out: ProviderEvent[]): void {
    this.#isFinished = true;
    out.push({ type: 'choice-end', choice: 0, finishReason: finishReasonOf(reason, this.#toolCalls > 0) });
  }
}
