import { isJsonObject } from '@sluice/shared/json-object.ts';
import { readJsonAnswer } from '../http/read-json-answer.ts';
import { shownHeaders, withShownHeaders } from '../http/shown-headers.ts';
import { UpstreamExchange } from '../http/upstream-exchange.ts';
import type { UpstreamManners } from '../http/upstream-exchange.ts';
import type { WireObject } from '../http/wire.ts';
import { ProviderError } from '../provider.ts';
import type { CallTimeouts, ProviderEvent } from '../provider.ts';
import type { ChatEventReader } from './chat-event-reader.ts';
import { readChatStream } from './read-chat-stream.ts';

/** One provider, as far as its calls are made alike. */
export interface ConverseManners extends UpstreamManners {
  /** Names of headers that clients are shown. */
  readonly shownNames: RegExp;
  /** How long a stream may stay open after its finish. */
  readonly graceMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** One call: how it is sent, and how its answer is read. */
export interface Conversation {
  readonly timeouts: CallTimeouts;
  /** Waits until the call may be sent. Returns once the exchange has headers, or is over. */
  readonly send: (exchange: UpstreamExchange) => Promise<void>;
  readonly fromWhole: (answer: WireObject) => readonly ProviderEvent[];
  /** null: the answer can only be whole. */
  readonly streamReader: (() => ChatEventReader) | null;
}

/**
 * Makes a call over plain HTTP and reads its answer, whole or streamed, whichever comes.
 *
 * @throws ProviderError; the signal's reason once it is aborted; the reason why nothing may be sent
 */
export async function* converse(
  { timeouts, send, fromWhole, streamReader }: Conversation,
  manners: ConverseManners,
  signal: AbortSignal,
): AsyncGenerator<readonly ProviderEvent[]> {
  const { failures, shownNames, now } = manners;
  const limits = { first: timeouts.firstTokenMs, between: timeouts.betweenTokensMs };
  const exchange = new UpstreamExchange(limits, signal, manners);
  try {
    await send(exchange);
    const accepted = (): ProviderEvent => ({
      type: 'accepted',
      providerRequestId: exchange.providerRequestId,
      headers: shownHeaders(exchange, shownNames),
    });
    if (streamReader && exchange.isEventStream) {
      yield [accepted()];
      yield* readChatStream(exchange, streamReader(), manners);
      return;
    }
    const answer = await readJsonAnswer(exchange, failures, now);
    if (!isJsonObject(answer)) throw failures.brokenAnswer('The answer is no object.', exchange.providerRequestId);
    yield [accepted(), ...fromWhole(answer)];
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof ProviderError) && !exchange.isAccepted) throw error;
    const failure =
      error instanceof ProviderError
        ? error
        : failures.brokenAnswer('The answer cannot be read.', exchange.providerRequestId, error);
    throw withShownHeaders(failure, exchange, shownNames);
  } finally {
    exchange.close();
  }
}
