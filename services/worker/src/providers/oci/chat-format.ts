import type { ChatEventReader, ReaderOptions } from '../chat/chat-event-reader.ts';
import type { WireObject } from '../http/wire.ts';
import type { ChatCall } from '../provider.ts';
import type { ChatFamily } from './model-family.ts';

/** One of OCI's chat protocols, both directions. */
export interface ChatFormat {
  /** @throws ProviderError `unsupported_parameter` */
  toRequest(call: ChatCall, family: ChatFamily): WireObject;
  createReader(options: ReaderOptions): ChatEventReader;
}
