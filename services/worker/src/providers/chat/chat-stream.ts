import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ProviderEvent } from '../provider.ts';
import { parseExactly } from '../http/exact-json.ts';
import type { Failures } from '../http/failures.ts';
import type { ChatEventReader } from './chat-event-reader.ts';
import { SseParser } from '../http/sse.ts';
import type { WireObject } from '../http/wire.ts';

/**
 * A streamed answer: bytes in, events out. It does no I/O, so that tests can cut the bytes anywhere.
 *
 * `streaming` → `closing` with the last finish → `complete` with the final usage, `[DONE]` or the end of the
 * bytes. The service may keep the connection open after the finish (oci-wire.md §4.1), so a caller waits in
 * `closing` for a short time only.
 */
export class ChatStream {
  readonly #parser = new SseParser();
  readonly #reader: ChatEventReader;
  readonly #failures: Failures;
  readonly #providerRequestId: string | null;
  #state: 'streaming' | 'closing' | 'complete' = 'streaming';
  /** Events, comments not among them. */
  #count = 0;

  constructor(reader: ChatEventReader, failures: Failures, providerRequestId: string | null) {
    this.#reader = reader;
    this.#failures = failures;
    this.#providerRequestId = providerRequestId;
  }

  get state(): 'streaming' | 'closing' | 'complete' {
    return this.#state;
  }

  /** How many events have been read since it was asked last. */
  takeCount(): number {
    const count = this.#count;
    this.#count = 0;
    return count;
  }

  /**
   * What these bytes complete is added to `out`, also when they end in a failure.
   *
   * @throws ProviderError when the answer says that it failed, or cannot be read
   */
  push(bytes: Buffer, out: ProviderEvent[]): void {
    this.#readAll(
      this.#parse(() => this.#parser.push(bytes)),
      out,
    );
  }

  /**
   * The bytes are over.
   *
   * @throws ProviderError when they ended before the answer did
   */
  end(out: ProviderEvent[]): void {
    const wasClosing = this.#state === 'closing';
    try {
      this.#readAll(
        this.#parse(() => this.#parser.end()),
        out,
      );
    } catch (error) {
      // Behind the finish, half an event is half of the usage: the answer is whole without it.
      if (!wasClosing) throw error;
    }
    if (this.#state === 'streaming') {
      throw this.#failures.brokenAnswer('The stream ended before the answer did.', this.#providerRequestId);
    }
    this.#complete(out);
  }

  #readAll(payloads: readonly string[], out: ProviderEvent[]): void {
    for (const payload of payloads) {
      if (this.#state === 'complete') return;
      if (payload === '[DONE]') this.#complete(out);
      else if (payload !== '') this.#read(payload, out);
    }
  }

  #read(payload: string, out: ProviderEvent[]): void {
    this.#count += 1;
    this.#reader.read(this.#event(payload), out);
    if (!this.#reader.isFinished) this.#state = 'streaming';
    else if (this.#reader.hasFinalUsage) this.#state = 'complete';
    else this.#state = 'closing';
  }

  #complete(out: ProviderEvent[]): void {
    if (this.#state === 'streaming') this.#reader.end(out);
    this.#state = 'complete';
  }

  #event(payload: string): WireObject {
    const event = this.#parse(() => parseExactly(payload));
    if (!isJsonObject(event)) throw this.#failures.brokenAnswer('An event is no object.', this.#providerRequestId);
    return event;
  }

  #parse<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw this.#failures.brokenAnswer('An event cannot be read.', this.#providerRequestId, error);
    }
  }
}
