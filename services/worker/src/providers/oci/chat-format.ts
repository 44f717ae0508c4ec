import type { ChatCall, ProviderEvent } from '../provider.ts';
import type { ChatFamily } from './model-family.ts';
import type { WireObject } from './wire.ts';

/** One of OCI's chat protocols, both directions. */
export interface ChatFormat {
  /** @throws ProviderError `unsupported_parameter` */
  toRequest(call: ChatCall, family: ChatFamily): WireObject;
  createReader(options: ReaderOptions): ChatEventReader;
}

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
 * @throws ProviderError when the answer says that it failed
 */
export function readWhole(
  format: ChatFormat,
  chatResponse: WireObject,
  options: Omit<ReaderOptions, 'isWhole'>,
): ProviderEvent[] {
  const events: ProviderEvent[] = [];
  const reader = format.createReader({ ...options, isWhole: true });
  reader.read(chatResponse, events);
  reader.end(events);
  return events;
}
