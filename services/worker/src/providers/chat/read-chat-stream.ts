import type { Failures } from '../http/failures.ts';
import type { UpstreamExchange } from '../http/upstream-exchange.ts';
import { ProviderError } from '../provider.ts';
import type { ProviderEvent } from '../provider.ts';
import type { ChatEventReader } from './chat-event-reader.ts';
import { ChatStream } from './chat-stream.ts';

/** How the answer of one exchange is read. */
export interface ChatStreamManners {
  readonly failures: Failures;
  /** How long a stream may stay open after its finish: for the usage, and for the connection to be used again. */
  readonly graceMs: number;
}

/**
 * A streamed answer, batch by batch: the events that arrived together travel together. What could be read before a
 * failure is yielded before it is thrown, because text before an error is the client's.
 *
 * @throws ProviderError, or the exchange's failure
 */
export async function* readChatStream(
  exchange: UpstreamExchange,
  reader: ChatEventReader,
  { failures, graceMs }: ChatStreamManners,
): AsyncGenerator<readonly ProviderEvent[]> {
  const stream = new ChatStream(reader, failures, exchange.providerRequestId);
  while (stream.state !== 'complete') {
    const bytes = await exchange.read();
    const batch: ProviderEvent[] = [];
    const failure = readInto(stream, bytes, batch, { exchange, failures });
    if (!failure) awaitNext(stream, exchange, graceMs);
    if (batch.length > 0) yield batch;
    if (failure) throw failure;
  }
  exchange.release(graceMs);
}

function readInto(
  stream: ChatStream,
  bytes: Buffer | null,
  batch: ProviderEvent[],
  { exchange, failures }: { readonly exchange: UpstreamExchange; readonly failures: Failures },
): ProviderError | null {
  try {
    if (bytes === null) stream.end(batch);
    else stream.push(bytes, batch);
    return null;
  } catch (error) {
    if (error instanceof ProviderError) return error;
    return failures.brokenAnswer('The answer cannot be read.', exchange.providerRequestId, error);
  }
}

/** Sets the time limit for what comes next. A read without an event is silence. */
function awaitNext(stream: ChatStream, exchange: UpstreamExchange, graceMs: number): void {
  if (stream.state === 'closing') exchange.expectEnd(graceMs);
  else if (stream.state === 'streaming' && stream.takeCount() > 0) exchange.eventsArrived();
}
