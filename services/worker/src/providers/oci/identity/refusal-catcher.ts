import type { Dispatcher } from 'undici';
import type { UpstreamExchange } from '../../http/upstream-exchange.ts';

/** OCI's own is about 150 bytes. */
const heldBytesMax = 64 * 1024;

/** Stands between the pool and an exchange, and holds a 401 back: the exchange sees only what came of it. */
export class RefusalCatcher implements Dispatcher.DispatchHandler {
  readonly #exchange: UpstreamExchange;
  readonly #answered = Promise.withResolvers<void>();
  #held: { readonly start: Parameters<UpstreamExchange['onResponseStart']>; readonly chunks: Buffer[] } | null = null;
  #heldBytes = 0;
  #wasRefused = false;

  constructor(exchange: UpstreamExchange) {
    this.#exchange = exchange;
    void exchange.headersArrived().then(this.#answered.resolve);
  }

  /** Resolves with the end of a 401; for every other answer, when the exchange has headers or is over. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  get wasRefused(): boolean {
    return this.#wasRefused;
  }

  /** Nothing can be done about the refusal: it is the answer. */
  passOn(): void {
    if (!this.#held) return;
    const { start, chunks } = this.#held;
    this.#held = null;
    this.#exchange.onResponseStart(...start);
    for (const chunk of chunks) this.#exchange.onResponseData(start[0], chunk);
    if (this.#wasRefused) this.#exchange.onResponseEnd();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#exchange.onRequestStart(controller);
  }

  onResponseStart(...start: Parameters<UpstreamExchange['onResponseStart']>): void {
    if (start[1] === 401) this.#held = { start, chunks: [] };
    else this.#exchange.onResponseStart(...start);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#held) {
      this.#exchange.onResponseData(controller, chunk);
      return;
    }
    this.#held.chunks.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > heldBytesMax) this.passOn();
  }

  onResponseEnd(): void {
    if (this.#held) this.#refuse();
    else this.#exchange.onResponseEnd();
  }

  /** What has come of a 401 is enough to know it. */
  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#held) this.#refuse();
    else this.#exchange.onResponseError(controller, error);
  }

  #refuse(): void {
    this.#wasRefused = true;
    this.#exchange.takeBack();
    this.#answered.resolve();
  }
}
