import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../../provider.ts';
import { AnswerNotes } from '../../chat/answer-notes.ts';
import type { ChatEventReader, ReaderOptions } from '../../chat/chat-event-reader.ts';
import { errorFromEvent } from '../errors.ts';
import { SingleChoice } from '../single-choice.ts';
import { wholeToolCall } from '../../chat/tool-call-accumulator.ts';
import type { ToolCallFragment } from '../../chat/tool-call-accumulator.ts';
import { listOf, textOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

export function createCohereReader({ newToolCallId }: ReaderOptions): ChatEventReader {
  return new CohereReader(newToolCallId);
}

/** What OpenAI has no word for, passed on under Cohere's names. */
const noteNames = ['citations', 'documents', 'searchQueries', 'isSearchRequired'];

/**
 * Reads COHERE: pieces of text, then one or two summaries that repeat the text, the history and the tool calls
 * (oci-wire.md §4.3). A whole answer (§3.6) is a summary and nothing before it. There is always one choice; tool
 * calls have no ids, and they come with COMPLETE.
 */
class CohereReader implements ChatEventReader {
  readonly #newToolCallId: () => string;
  readonly #choice = new SingleChoice();
  readonly #notes = new AnswerNotes(0);
  #hasText = false;
  #toolCalls = 0;

  constructor(newToolCallId: () => string) {
    this.#newToolCallId = newToolCallId;
  }

  get isFinished(): boolean {
    return this.#choice.isFinished;
  }

  get hasFinalUsage(): boolean {
    return this.#choice.hasFinalUsage;
  }

  read(event: WireObject, out: ProviderEvent[]): void {
    const failure = errorFromEvent(event);
    if (failure) throw failure;

    const { finishReason } = event;
    const isEnd = finishReason !== undefined && finishReason !== null;
    this.#readText(event, isEnd, out);
    this.#notes.readFields(event, noteNames, out);
    this.#readToolCalls(event, out);
    if (isEnd) this.#choice.finish(finishReason, this.#toolCalls > 0, out);
    this.#choice.readUsage(event, out);
  }

  end(out: ProviderEvent[]): void {
    this.#choice.finish(undefined, this.#toolCalls > 0, out);
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
    const calls = listOf(event['toolCalls']).filter(isJsonObject);
    for (const call of calls.slice(this.#toolCalls)) {
      const position = { choice: 0, toolCall: this.#toolCalls };
      out.push(wholeToolCall(position, cohereToolCall(call), this.#newToolCallId));
      this.#toolCalls += 1;
    }
  }
}

/** COHERE's call: a name and parameters as an object. */
function cohereToolCall(call: WireObject): ToolCallFragment {
  const parameters = call['parameters'];
  return {
    id: textOf(call['id']),
    name: textOf(call['name']),
    arguments: isJsonObject(parameters) ? JSON.stringify(parameters) : textOf(parameters),
  };
}
