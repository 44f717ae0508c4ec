import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../../provider.ts';
import { AnswerNotes } from '../../chat/answer-notes.ts';
import type { ChatEventReader, ReaderOptions } from '../../chat/chat-event-reader.ts';
import { errorFromEvent } from '../errors.ts';
import { toolCallFragment } from '../../chat/answer-message.ts';
import { pushLogProbs } from '../../chat/log-probs.ts';
import { cohereV2LogProbs } from '../log-probs.ts';
import { SingleChoice } from '../single-choice.ts';
import { ToolCallAccumulator } from '../../chat/tool-call-accumulator.ts';
import { listOf, textOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

export function createCohereV2Reader(options: ReaderOptions): ChatEventReader {
  return new CohereV2Reader(options);
}

/**
 * Reads COHEREV2: one message, whole (oci-wire.md §3.7) or in pieces with the usage on the finish (§4.4). Thinking
 * and the plan for tool calls are reasoning; the rest is the answer.
 */
class CohereV2Reader implements ChatEventReader {
  readonly #calls: ToolCallAccumulator;
  readonly #choice = new SingleChoice();
  readonly #notes = new AnswerNotes(0);

  constructor(options: ReaderOptions) {
    this.#calls = new ToolCallAccumulator(0, options);
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

    const { message, finishReason } = event;
    if (isJsonObject(message)) this.#readMessage(message, out);
    pushLogProbs(cohereV2LogProbs(event['logProbabilities']), 0, 0, out);
    this.#notes.readFields(event, ['citations'], out);
    if (finishReason !== undefined && finishReason !== null) this.#finish(finishReason, out);
    this.#choice.readUsage(event, out);
  }

  end(out: ProviderEvent[]): void {
    if (!this.isFinished) this.#finish(undefined, out);
  }

  #readMessage(message: WireObject, out: ProviderEvent[]): void {
    let reasoning = textOf(message['toolPlan']);
    let text = '';
    for (const part of listOf(message['content']).filter(isJsonObject)) {
      reasoning += textOf(part['thinking']);
      text += textOf(part['text']);
    }
    if (reasoning !== '') out.push({ type: 'reasoning-delta', choice: 0, text: reasoning });
    if (text !== '') out.push({ type: 'text-delta', choice: 0, text });
    this.#notes.readFields(message, ['citations'], out);
    this.#calls.add(listOf(message['toolCalls']).filter(isJsonObject).map(toolCallFragment), out);
  }

  #finish(reason: unknown, out: ProviderEvent[]): void {
    this.#calls.end(out);
    this.#choice.finish(reason, !this.#calls.isEmpty, out);
  }
}
