import { isJsonObject } from '@sluice/shared/json-object.ts';
import { messageText, toolCallFragment } from '../chat/answer-message.ts';
import { AnswerNotes } from '../chat/answer-notes.ts';
import type { ChatEventReader, ReaderOptions } from '../chat/chat-event-reader.ts';
import { finishReasonOf } from '../chat/finish-reason.ts';
import { openAiLogProbs, pushLogProbs } from '../chat/log-probs.ts';
import { ToolCallAccumulator } from '../chat/tool-call-accumulator.ts';
import type { ToolCallFragment } from '../chat/tool-call-accumulator.ts';
import type { Failures } from '../http/failures.ts';
import { countOf, listOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderEvent } from '../provider.ts';
import { failureInAnswer } from './failure-in-answer.ts';
import { readUsage } from './usage.ts';

/** OpenAI's own bound on `n`. */
const choicesMax = 128;

/** What OpenAI has no word for, of the whole answer: the pages that xAI and Perplexity rest it on. */
const noteNames = ['citations', 'search_results'];

export interface CompletionReaderOptions extends ReaderOptions {
  readonly failures: Failures;
  /** How many choices were asked for: the answer is not over before as many have ended. */
  readonly choices: number;
}

export function createChatCompletionReader(options: CompletionReaderOptions): ChatEventReader {
  return new ChatCompletionReader(options);
}

interface Choice {
  readonly index: number;
  readonly calls: ToolCallAccumulator;
  /** By the provider's index. */
  readonly callIds: Map<number, string>;
  readonly notes: AnswerNotes;
  ended: boolean;
}

/**
 * Reads a whole `chat.completion`, or `chat.completion.chunk`s. The usage follows the last choice's end in a chunk
 * without choices, or comes with it, or, from servers that repeat it, with every chunk: the last one counts.
 */
class ChatCompletionReader implements ChatEventReader {
  readonly #options: CompletionReaderOptions;
  readonly #choices = new Map<number, Choice>();
  #ended = 0;
  #hasFinalUsage = false;

  constructor(options: CompletionReaderOptions) {
    this.#options = options;
  }

  get isFinished(): boolean {
    return this.#ended >= Math.max(this.#options.choices, this.#choices.size);
  }

  get hasFinalUsage(): boolean {
    return this.#hasFinalUsage;
  }

  read(event: WireObject, out: ProviderEvent[]): void {
    const { failures, isWhole } = this.#options;
    const failure = failureInAnswer(event, failures);
    if (failure) throw failure;

    const pieces = listOf(event['choices']).filter(isJsonObject);
    if (isWhole && pieces.length === 0) throw failures.brokenAnswer('The answer has no choices.', null);
    for (const [position, piece] of pieces.entries()) this.#readPiece(piece, isWhole ? position : 0, out);
    if (noteNames.some((name) => event[name] !== undefined)) this.#choice(0).notes.readFields(event, noteNames, out);

    // Groq has its own place for it, beside or instead of OpenAI's.
    const groq = event['x_groq'];
    const usage = readUsage(event['usage']) ?? readUsage(isJsonObject(groq) ? groq['usage'] : null);
    if (!usage) return;
    out.push({ type: 'usage', usage });
    this.#hasFinalUsage = this.isFinished;
  }

  end(out: ProviderEvent[]): void {
    if (this.#choices.size === 0) this.#choice(0);
    for (const choice of this.#choices.values()) this.#endChoice(choice, undefined, out);
  }

  /** @param position the index of a piece that has none */
  #readPiece(piece: WireObject, position: number, out: ProviderEvent[]): void {
    const choice = this.#choice(Math.min(countOf(piece['index']) ?? position, choicesMax - 1));
    const { delta, message = delta, logprobs, finish_reason: reason } = piece;
    if (isJsonObject(message)) this.#readMessage(message, choice, out);
    pushLogProbs(openAiLogProbs(logprobs), choice.index, this.#options.topLogProbs, out);
    if (typeof reason === 'string' && reason !== '') this.#endChoice(choice, reason, out);
  }

  #readMessage(message: WireObject, choice: Choice, out: ProviderEvent[]): void {
    const { index } = choice;
    // DeepSeek's name, then the one of Ollama, OpenRouter and newer vLLM; who sends both sends the same twice.
    const reasoning = textOf(message['reasoning_content']) || textOf(message['reasoning']);
    if (reasoning !== '') out.push({ type: 'reasoning-delta', choice: index, text: reasoning });
    const text = messageText(message);
    if (text !== '') out.push({ type: 'text-delta', choice: index, text });
    const refusal = textOf(message['refusal']);
    if (refusal !== '') out.push({ type: 'refusal-delta', choice: index, text: refusal });
    choice.notes.readAnnotations(message['annotations'], out);
    const calls = listOf(message['tool_calls']).filter(isJsonObject);
    choice.calls.add(
      calls.map((call) => this.#fragmentOf(call, choice)),
      out,
    );
  }

  /** Only the first piece of a call has its id; the others are told by their index, where there is one. */
  #fragmentOf(call: WireObject, { callIds }: Choice): ToolCallFragment {
    const fragment = toolCallFragment(call);
    const index = countOf(call['index']);
    if (this.#options.isWhole || index === null) return fragment;
    if (fragment.id !== '') callIds.set(index, fragment.id);
    return { ...fragment, id: fragment.id || (callIds.get(index) ?? '') };
  }

  #choice(index: number): Choice {
    const known = this.#choices.get(index);
    if (known) return known;
    const calls = new ToolCallAccumulator(index, this.#options);
    const choice = { index, calls, callIds: new Map<number, string>(), notes: new AnswerNotes(index), ended: false };
    this.#choices.set(index, choice);
    return choice;
  }

  #endChoice(choice: Choice, reason: unknown, out: ProviderEvent[]): void {
    if (choice.ended) return;
    choice.ended = true;
    this.#ended += 1;
    choice.calls.end(out);
    const finishReason = finishReasonOf(reason, !choice.calls.isEmpty);
    out.push({ type: 'choice-end', choice: choice.index, finishReason });
  }
}
