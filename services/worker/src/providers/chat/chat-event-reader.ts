import type { WireObject } from '../http/wire.ts';
import type { ProviderEvent } from '../provider.ts';

export interface ReaderOptions {
  /** For calls to which the model gave no id. */
  readonly newToolCallId: () => string;
  /** The answer comes as one event: each tool call in it is all of a call. */
  readonly isWhole: boolean;
  /** How many of the likeliest tokens the client asked for. */
  readonly topLogProbs: number;
}

/** Turns the events of one answer into ours. A whole answer is read as a stream of one event. */
export interface ChatEventReader {
  /** Every choice that was begun has ended. */
  readonly isFinished: boolean;
  /** The counts have come that follow the end; no event is missing any more. */
  readonly hasFinalUsage: boolean;
  /** @throws ProviderError when the event says that the answer failed */
  read(event: WireObject, out: ProviderEvent[]): void;
  /** The stream is over: ends the choices that the provider left open. */
  end(out: ProviderEvent[]): void;
}

/**
 * A whole answer as events.
 *
 * @param reader one that was told that the answer is whole
 * @throws ProviderError when the answer says that it failed
 */
export function readWhole(reader: ChatEventReader, answer: WireObject): ProviderEvent[] {
  const events: ProviderEvent[] = [];
  reader.read(answer, events);
  reader.end(events);
  return events;
}
