import { JetStreamApiError } from '@nats-io/jetstream';
import { createInbox } from 'nats';
import type { Msg, NatsConnection } from 'nats';
import { z } from 'zod';

const Answer = z.object({
  stream: z.string().optional(),
  error: z.object({ code: z.number(), err_code: z.number(), description: z.string() }).optional(),
});

/** One message's, on its way. */
export interface Acknowledgement {
  /** The message's reply subject. */
  readonly reply: string;
  /** Resolves when JetStream has stored the message. @throws JetStreamApiError, or Error when no stream takes it */
  readonly stored: Promise<void>;
}

/**
 * What JetStream answers to messages that are published, in one inbox for all of them. The client's own `publish` makes
 * each a request of its own, with a timer, a race, and an error built for the case that it is cancelled: for every call
 * that is booked, more than twice the garbage of this.
 *
 * @param nats stays the caller's to close
 */
export class Acknowledgements implements Disposable {
  readonly #inbox = createInbox();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #unsubscribe: () => void;
  #last = 0;

  constructor(nats: NatsConnection) {
    const subscription = nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#settle(message);
      },
    });
    this.#unsubscribe = () => subscription.unsubscribe();
  }

  /** The caller sets the time limit, and then forgets it, whatever has become of it. */
  expect(): Acknowledgement {
    this.#last += 1;
    const reply = `${this.#inbox}.${this.#last}`;
    const expected = Promise.withResolvers<void>();
    this.#waiting.set(reply, expected);
    return { reply, stored: expected.promise };
  }

  /** The message could not be sent. */
  fail({ reply }: Acknowledgement, error: unknown): void {
    this.#waiting.get(reply)?.reject(error);
  }

  forget({ reply }: Acknowledgement): void {
    this.#waiting.delete(reply);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #settle(message: Msg): void {
    const expected = this.#waiting.get(message.subject);
    if (!expected) return;
    try {
      requireStored(message);
      expected.resolve();
    } catch (error) {
      expected.reject(error);
    }
  }
}

function requireStored({ data, headers }: Msg): void {
  // The server itself says so.
  if (data.length === 0 && headers?.code === 503) throw new Error('no stream takes the message');
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
  const { stream, error } = Answer.parse(JSON.parse(text));
  if (error) throw new JetStreamApiError(error);
  if (!stream) throw new Error('the acknowledgement names no stream');
}
