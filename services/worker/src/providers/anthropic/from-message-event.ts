import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ChatEventReader } from '../chat/chat-event-reader.ts';
import { finishReasonOf } from '../chat/finish-reason.ts';
import type { Failures } from '../http/failures.ts';
import { countOf, textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import type { ProviderEvent } from '../provider.ts';
import { failureInAnswer } from './failures.ts';
import { readUsage } from './usage.ts';

export function createMessageEventReader(failures: Failures): ChatEventReader {
  return new MessageEventReader(failures);
}

interface ToolUse {
  readonly toolCall: number;
  /** As the block began with it; usually empty, because the pieces follow. */
  readonly input: WireObject;
  hasArguments: boolean;
}

/**
 * Reads the events of a streamed message: `message_start`, blocks one after the other, `message_delta` with the
 * reason and the usage, `message_stop`. Pings, signatures and events that are not known are passed over.
 *
 * The counts of `message_start` are not given out: they would be taken for the whole if the stream were cut.
 */
class MessageEventReader implements ChatEventReader {
  readonly #failures: Failures;
  /** By block; one message has one choice. */
  readonly #toolUses = new Map<number, ToolUse>();
  #counts: WireObject = {};
  #isFinished = false;
  #hasFinalUsage = false;

  constructor(failures: Failures) {
    this.#failures = failures;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  get hasFinalUsage(): boolean {
    return this.#hasFinalUsage;
  }

  read(event: WireObject, out: ProviderEvent[]): void {
    const failure = failureInAnswer(event, this.#failures);
    if (failure) throw failure;
    switch (event['type']) {
      case 'message_start':
        this.#count(isJsonObject(event['message']) ? event['message']['usage'] : null);
        break;
      case 'content_block_start':
        this.#startBlock(countOf(event['index']) ?? 0, event['content_block'], out);
        break;
      case 'content_block_delta':
        this.#readDelta(countOf(event['index']) ?? 0, event['delta'], out);
        break;
      case 'content_block_stop':
        this.#stopBlock(countOf(event['index']) ?? 0, out);
        break;
      case 'message_delta':
        this.#count(event['usage']);
        if (isJsonObject(event['delta'])) this.#finish(event['delta']['stop_reason'], out);
        break;
      case 'message_stop':
        this.#finish('end_turn', out);
        break;
    }
  }

  end(out: ProviderEvent[]): void {
    this.#finish('end_turn', out);
  }

  #startBlock(index: number, block: unknown, out: ProviderEvent[]): void {
    if (!isJsonObject(block)) return;
    if (block['type'] !== 'tool_use') return pushText(block, out);
    const toolCall = this.#toolUses.size;
    const input = isJsonObject(block['input']) ? block['input'] : {};
    this.#toolUses.set(index, { toolCall, input, hasArguments: false });
    const named = { id: textOf(block['id']), name: textOf(block['name']) };
    out.push({ type: 'tool-call-delta', choice: 0, toolCall, ...named, arguments: '' });
  }

  #readDelta(index: number, delta: unknown, out: ProviderEvent[]): void {
    if (!isJsonObject(delta)) return;
    const toolUse = this.#toolUses.get(index);
    const piece = textOf(delta['partial_json']);
    if (toolUse && piece !== '') {
      toolUse.hasArguments = true;
      out.push({ type: 'tool-call-delta', choice: 0, toolCall: toolUse.toolCall, arguments: piece });
    }
    pushText(delta, out);
  }

  #stopBlock(index: number, out: ProviderEvent[]): void {
    const toolUse = this.#toolUses.get(index);
    if (!toolUse || toolUse.hasArguments) return;
    toolUse.hasArguments = true;
    const { toolCall, input } = toolUse;
    out.push({ type: 'tool-call-delta', choice: 0, toolCall, arguments: JSON.stringify(input) });
  }

  /** Counts are cumulative, and later events leave out what has not changed. */
  #count(usage: unknown): void {
    if (!isJsonObject(usage)) return;
    const known = Object.entries(usage).filter(([, value]) => value !== null && value !== undefined);
    this.#counts = { ...this.#counts, ...Object.fromEntries(known) };
  }

  #finish(reason: unknown, out: ProviderEvent[]): void {
    if (this.#isFinished || typeof reason !== 'string') return;
    this.#isFinished = true;
    for (const index of this.#toolUses.keys()) this.#stopBlock(index, out);
    out.push({ type: 'choice-end', choice: 0, finishReason: finishReasonOf(reason, this.#toolUses.size > 0) });
    const usage = readUsage(this.#counts);
    if (usage) out.push({ type: 'usage', usage });
    this.#hasFinalUsage = usage !== null;
  }
}

/** Text or thinking, of a block that begins or of a piece of one. */
function pushText(piece: WireObject, out: ProviderEvent[]): void {
  const thinking = textOf(piece['thinking']);
  if (thinking !== '') out.push({ type: 'reasoning-delta', choice: 0, text: thinking });
  const text = textOf(piece['text']);
  if (text !== '') out.push({ type: 'text-delta', choice: 0, text });
}
