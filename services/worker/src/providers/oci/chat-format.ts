import type { ChatCall, ProviderEvent } from '../provider.ts';
import type { ChatFamily } from './model-family.ts';
import type { WireObject } from './wire.ts';

/** One of OCI's chat protocols, both directions. */
export interface ChatFormat {
  /** @throws ProviderError `unsupported_parameter` */
  toRequest(call: ChatCall, family: ChatFamily): WireObject;
  /** @throws ProviderError when the answer says that it failed */
  fromResponse(chatResponse: WireObject, newToolCallId: () => string): ProviderEvent[];
  createEventReader(newToolCallId: () => string): ChatEventReader;
}

/** Turns the events of one streamed answer into ours. */
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
