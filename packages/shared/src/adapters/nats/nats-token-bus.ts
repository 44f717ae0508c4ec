import { randomUUID } from 'node:crypto';
import type { NatsConnection } from 'nats';
import { cancelRequestCodec } from '../../contracts/cancel-request.ts';
import type { Codec } from '../../contracts/codec.ts';
import { subjects } from '../../contracts/subjects.ts';
import { tokenFrameCodec } from '../../contracts/token-event.ts';
import type { TokenFrame } from '../../contracts/token-event.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { collectCancels } from '../collect-cancels.ts';
import { announceAtEndOfTurn } from '../end-of-turn.ts';
import type { Inbox, TokenBus } from '../../ports/token-bus.ts';

/** So that a bus which does not answer is known within the second in which a client is promised its 503. */
const pulseMs = 400;
const pulseTimeLimitMs = 500;

/**
 * The token bus on NATS core. An ingress has one subject for all its answers: a subscription per request would
 * cost a round trip each before the request may be queued.
 *
 * @param nats stays the caller's to close
 * @param onError told of messages that no codec understands; they are dropped
 */
export function createNatsTokenBus(nats: NatsConnection, onError: (error: unknown) => void): TokenBus {
  let connected = true;
  let answering = true;
  let feeling = false;
  let beat: NodeJS.Timeout | undefined;
  void watch().catch(onError);

  return {
    async openInbox(): Promise<Inbox> {
      const address = randomUUID();
      const listeners = new Map<string, (frame: TokenFrame) => void>();
      const subscription = nats.subscribe(subjects.tokens(address), {
        callback: (error, message) => {
          if (error) return onError(error);
          const frame = decoded(tokenFrameCodec, message.data);
          if (frame) listeners.get(frame.requestId)?.(frame);
        },
      });
      await nats.flush(); // the server answers PING only after it has taken SUB
      // Who has no inbox waits for nothing from the bus.
      beat ??= setInterval(() => void feelPulse(), pulseMs).unref();
      return {
        address,
        listen(requestId, listener) {
          listeners.set(requestId, listener);
          return { [Symbol.dispose]: () => void listeners.delete(requestId) };
        },
        [Symbol.asyncDispose]: async () => subscription.unsubscribe(),
      };
    },
    publish(address, frame) {
      const bytes = tokenFrameCodec.encode(frame);
      announceAtEndOfTurn(() => publishIfOpen(subjects.tokens(address), bytes));
    },
    isLive: () => connected && answering,
    cancel: collectCancels((message) => publishIfOpen(subjects.cancel, message)),
    async onCancel(listener) {
      const subscription = nats.subscribe(subjects.cancel, {
        callback: (error, message) => {
          if (error) return onError(error);
          const request = decoded(cancelRequestCodec, message.data);
          if (request) listener(request.requestIds);
        },
      });
      await nats.flush();
      return { [Symbol.asyncDispose]: async () => subscription.unsubscribe() };
    },
  };

  /** A message may be lost at any time; so may one for a connection that was closed since. */
  function publishIfOpen(subject: string, bytes: Uint8Array): void {
    try {
      nats.publish(subject, bytes);
    } catch (error) {
      onError(error);
    }
  }

  /** Ends with the connection. */
  async function watch(): Promise<void> {
    for await (const { type } of nats.status()) {
      if (type === 'disconnect' || type === 'close') connected = false;
      if (type === 'reconnect') connected = true;
    }
    clearInterval(beat);
  }

  /** A server that is frozen or far too slow does not close its connections. */
  async function feelPulse(): Promise<void> {
    if (!connected || feeling) return;
    feeling = true;
    answering = await withTimeLimit('bus', pulseTimeLimitMs, nats.flush()).then(
      () => true,
      () => false,
    );
    feeling = false;
  }

  function decoded<T>(codec: Codec<T>, bytes: Uint8Array): T | null {
    try {
      return codec.decode(bytes);
    } catch (error) {
      onError(error);
      return null;
    }
  }
}
