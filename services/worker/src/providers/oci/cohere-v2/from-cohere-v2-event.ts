import type { ProviderEvent } from '../../provider.ts';
import type { ChatEventReader } from '../chat-format.ts';
import { errorFromEvent } from '../errors.ts';
import { finishReasonOf } from '../finish-reason.ts';
import { toolCallFragment } from '../generic/generic-message.ts';
import { ToolCallAccumulator } from '../tool-call-accumulator.ts';
import { readUsage } from '../usage.ts';
import { isObject, listOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';
import { readCohereV2Message } from './cohere-v2-message.ts';

export function createCohereV2EventReader(newToolCallId: () => string): ChatEventReader {
  return new CohereV2EventReader(newToolCallId);
}

/** Reads the events of a COHEREV2 stream: pieces of one message, usage on the finish (oci-wire.md §4.4). */
class CohereV2EventReader implements ChatEventReader {
  readonly #calls: ToolCallAccumulator;
  #isFinished = false;
  #hasFinalUsage = false;

  constructor(newToolCallId: () => string) {
    this.#calls = new ToolCallAccumulator(0, newToolCallId);
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

    const { message, finishReason } = event;
    if (isObject(message)) {
      readCohereV2Message(message, out);
      for (const call of listOf(message['toolCalls'])) {
        if (isObject(call)) this.#calls.add(toolCallFragment(call), out);
      }
    }
    if (finishReason !== undefined && finishReason !== null && !this.#isFinished) this.#endChoice(finishReason, out);
    const usage = event['usage'] ? readUsage(event['usage']) : null;
    if (usage) {
      out.push({ type: 'usage', usage });
      this.#hasFinalUsage = this.#isFinished;
    }
  }

  end(out: ProviderEvent[]): void {
    if (!this.#isFinished) this.#endChoice(undefined, out);
  }

  #endChoice(reason: unknown, out: ProviderEvent[]): void {
    this.#isFinished = true;
    this.#calls.end(out);
    out.push({ type: 'choice-end', choice: 0, finishReason: finishReasonOf(reason, !this.#calls.isEmpty) });
  }
}
