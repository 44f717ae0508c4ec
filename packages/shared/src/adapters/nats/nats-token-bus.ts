import { randomUUID } from 'node:crypto';
import type { Msg, NatsConnection } from 'nats';
import { setTimeout as wait } from 'node:timers/promises';
import { awaitedQuestionCodec, awaitedReplyCodec } from '../../contracts/awaited.ts';
import { cancelRequestCodec } from '../../contracts/cancel-request.ts';
import type { Codec } from '../../contracts/codec.ts';
import { subjects } from '../../contracts/subjects.ts';
import { tokenFrameCodec } from '../../contracts/token-event.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { collectCancels, hearCancels } from '../collect-cancels.ts';
import { announceAtEndOfTurn } from '../end-of-turn.ts';
import { awaitedTimeLimitMs } from '../../ports/token-bus.ts';
import type { AwaitedPart, Inbox, Listening, TokenBus } from '../../ports/token-bus.ts';

/** So that a bus which does not answer is known within the second in which a client is promised its 503. */
const pulseMs = 400;
const pulseTimeLimitMs = 500;

/** An ingress that answers does so at once; one that is just coming back is asked again. */
const askTimeLimitMs = 1_000;
const askAgainMs = 250;

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
      const listening = new Map<string, Listening>();
      const subscription = nats.subscribe(subjects.tokens(address), {
        callback: (error, message) => {
          if (error) return onError(error);
          const frame = decoded(tokenFrameCodec, message.data);
          if (frame) listening.get(frame.requestId)?.listener(frame);
        },
      });
      const questions = nats.subscribe(subjects.awaited(address), {
        callback: (error, message) => {
          if (error) return onError(error);
          answer(message, (requestId, attempt) => listening.get(requestId)?.awaits(attempt) ?? 'nothing');
        },
      });
      await nats.flush(); // the server answers PING only after it has taken SUB
      // Who has no inbox waits for nothing from the bus.
      beat ??= setInterval(() => void feelPulse(), pulseMs).unref();
      return {
        address,
        listen(requestId, listener, awaits) {
          listening.set(requestId, { listener, awaits });
          return { [Symbol.dispose]: () => void listening.delete(requestId) };
        },
        [Symbol.asyncDispose]: async () => {
          subscription.unsubscribe();
          questions.unsubscribe();
        },
      };
    },
    publish(address, frame) {
      const bytes = tokenFrameCodec.encode(frame);
      announceAtEndOfTurn(() => publishIfOpen(subjects.tokens(address), bytes));
    },
    async awaited(address, requestId, attempt) {
      const question = awaitedQuestionCodec.encode({ version: 1, requestId, attempt });
      for (const since = performance.now(); performance.now() - since < awaitedTimeLimitMs; await wait(askAgainMs)) {
        const reply = await ask(subjects.awaited(address), question);
        if (reply) return reply;
      }
      return 'nothing';
    },
    isLive: () => connected && answering,
    cancel: collectCancels((message) => publishIfOpen(subjects.cancel, message)),
    async onCancel(listener) {
      const subscription = nats.subscribe(subjects.cancel, {
        callback: (error, message) => {
          if (error) return onError(error);
          const request = decoded(cancelRequestCodec, message.data);
          if (request) hearCancels(listener, request);
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

  /** @returns null: nobody has answered */
  async function ask(subject: string, question: Uint8Array): Promise<AwaitedPart | null> {
    try {
      const { data } = await nats.request(subject, question, { timeout: askTimeLimitMs });
      const reply = decoded(awaitedReplyCodec, data);
      if (!reply?.awaited) return reply && 'nothing';
      return reply.begun ? 'rest' : 'answer';
    } catch {
      return null;
    }
  }

  function answer(message: Msg, awaitedOf: (requestId: string, attempt: number) => AwaitedPart): void {
    const question = decoded(awaitedQuestionCodec, message.data);
    if (!question || message.reply === undefined) return;
    const awaited = awaitedOf(question.requestId, question.attempt ?? 1);
    const reply = { version: 1, awaited: awaited !== 'nothing', begun: awaited === 'rest' } as const;
    publishIfOpen(message.reply, awaitedReplyCodec.encode(reply));
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
