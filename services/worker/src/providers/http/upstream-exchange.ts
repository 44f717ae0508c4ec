import type { Transform } from 'node:stream';
import type { Dispatcher } from 'undici';
import { createDecoder } from './decoder.ts';
import type { Failures } from './failures.ts';

/** A reader that is slower than the provider makes the provider wait from here on. */
const bufferedBytesMax = 1024 * 1024;

/** The largest answer that is taken as a whole: 96 vectors are about 3 MB. */
const wholeAnswerBytesMax = 64 * 1024 * 1024;

/** A longer one names no request. */
const requestIdCharsMax = 512;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What tells one provider's exchanges from another's. */
export interface UpstreamManners {
  readonly failures: Failures;
  /** In lower case, the most telling first. */
  readonly requestIdHeaders: readonly string[];
}

/** The time limits of one call: until its first event, or the whole answer; and the longest silence after it. */
export interface ExchangeLimits {
  readonly first: number;
  readonly between: number;
}

/**
 * One request and its answer on undici's pool, with the time limits of one call.
 *
 * `queued` → `sent` → `answering` → `ended`, or `failed` from anywhere: refused by the network, silent for too
 * long, aborted by `signal`, or left by `close`. `takeBack` leads from `sent` to `queued` again. Failing closes the connection at once. `release` hands a
 * connection back whose answer is complete but whose body is not over.
 */
export class UpstreamExchange implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal;
  readonly #limitMs: ExchangeLimits;
  readonly #manners: UpstreamManners;
  readonly #headersArrived = Promise.withResolvers<void>();
  readonly #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #state: 'queued' | 'sent' | 'answering' | 'ended' | 'failed' = 'queued';
  #waitingFor: 'first' | 'between' | 'closing' = 'first';
  #timer: NodeJS.Timeout;
  /** Headers and pieces of the body so far. */
  #signsOfLife = 0;
  #failure: Error | null = null;
  #isReleased = false;
  #controller: Dispatcher.DispatchController | null = null;
  #decoder: Transform | null = null;
  #wake: (() => void) | null = null;
  #status = 0;
  #headers: Headers = {};

  constructor(limitMs: ExchangeLimits, signal: AbortSignal, manners: UpstreamManners) {
    this.#limitMs = limitMs;
    this.#manners = manners;
    this.#signal = signal;
    this.#timer = setTimeout(this.#onTimer, limitMs.first);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** 0 before the headers. */
  get status(): number {
    return this.#status;
  }

  /** The request has been given to a connection, so the provider may have it. */
  get wasSent(): boolean {
    return this.#controller !== null;
  }

  get isOver(): boolean {
    return this.#state === 'ended' || this.#state === 'failed';
  }

  get headers(): Headers {
    return this.#headers;
  }

  get providerRequestId(): string | null {
    for (const name of this.#manners.requestIdHeaders) {
      const id = this.header(name);
      if (id !== null && id.length <= requestIdCharsMax) return id;
    }
    return null;
  }

  /** The provider has taken the call, so it may bill it. */
  get isAccepted(): boolean {
    return this.#status >= 200 && this.#status <= 299;
  }

  /** A stream that was accepted; a refusal is always whole. */
  get isEventStream(): boolean {
    return this.isAccepted && /^text\/event-stream\b/i.test(this.header('content-type') ?? '');
  }

  /** @param name in lower case */
  header(name: string): string | null {
    const value = this.#headers[name];
    const text = typeof value === 'string' ? value : value?.[0];
    return text === undefined ? null : this.#manners.failures.withoutSecrets(text);
  }

  /** Resolves with the headers, and also when there will be none: reading then says why. */
  headersArrived(): Promise<void> {
    return this.#headersArrived.promise;
  }

  /**
   * The bytes that have come since the last read; null at the end.
   *
   * @throws ProviderError, or the signal's reason
   */
  async read(): Promise<Buffer | null> {
    while (!this.#isReadable()) await this.#change();
    return this.#chunks.length > 0 ? this.#takeChunks() : null;
  }

  /** The whole body, within the time of the first event. */
  async readAll(): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    for (;;) {
      while (!this.#isReadable()) await this.#change();
      if (this.#chunks.length === 0) break;
      const part = this.#takeChunks();
      parts.push(part);
      size += part.length;
      if (size > wholeAnswerBytesMax)
        throw this.#manners.failures.brokenAnswer('The answer is too long.', this.providerRequestId);
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  /**
   * Whether there are bytes, or none will come any more.
   *
   * @throws ProviderError, or the signal's reason
   */
  #isReadable(): boolean {
    if (this.#chunks.length > 0) return true;
    if (this.#failure) throw this.#failure;
    return this.#state === 'ended';
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Events have come: from here on, silence is measured between them. */
  eventsArrived(): void {
    if (this.isOver) return;
    if (this.#waitingFor === 'between') this.#timer.refresh();
    else this.#wait('between', this.#limitMs.between);
  }

  /** Nothing is missing but perhaps the usage. The body may stay open for ever, so it ends after `graceMs`. */
  expectEnd(graceMs: number): void {
    if (!this.isOver) this.#wait('closing', graceMs);
  }

  /** The answer is complete. The rest of the body is dropped, so that the connection can be used again. */
  release(graceMs: number): void {
    if (this.isOver) return;
    this.#isReleased = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#takeChunks();
    this.#wait('closing', graceMs);
  }

  /** For every way out: what is not over or released is given up, its connection closed. */
  close(): void {
    if (!this.isOver && !this.#isReleased) this.#fail(new Error('The reader has left.'));
  }

  /**
   * The provider has refused the request for its signature, so it has done nothing that it could bill. It may be
   * sent again, within the same time.
   */
  takeBack(): void {
    if (this.isOver) return;
    this.#controller = null;
    this.#state = 'queued';
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure) controller.abort(this.#failure);
    else if (this.#state === 'queued') this.#state = 'sent';
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (this.isOver || status < 200) return;
    this.#signsOfLife += 1;
    this.#state = 'answering';
    this.#status = status;
    this.#headers = headers;
    try {
      this.#decoder = this.#openDecoder();
    } catch (error) {
      this.#fail(
        this.#manners.failures.brokenAnswer('The answer has an unknown encoding.', this.providerRequestId, error),
      );
    }
    this.#headersArrived.resolve();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#signsOfLife += 1;
    if (this.#decoder) this.#decoder.write(chunk);
    else this.#accept(chunk);
  }

  onResponseEnd(): void {
    if (this.#decoder) this.#decoder.end();
    else this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#state === 'answering') {
      this.#fail(
        this.#manners.failures.brokenAnswer(
          'The connection broke off within the answer.',
          this.providerRequestId,
          error,
        ),
      );
    } else {
      this.#fail(this.#manners.failures.connectionFailed(this.wasSent, error));
    }
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal.reason;
    this.#fail(reason instanceof Error ? reason : new Error('The call was aborted.', { cause: reason }));
  };

  /** In a process that was too busy to look, bytes may be waiting at the socket: they are read before the verdict. */
  readonly #onTimer = (): void => {
    const signs = this.#signsOfLife;
    setImmediate(() => {
      if (this.isOver) return;
      // Not silence either: what came has not been read yet.
      if (this.#signsOfLife !== signs || this.#chunks.length > 0) this.#timer.refresh();
      else if (this.#waitingFor === 'closing') this.#endHere();
      else this.#fail(this.#timeout());
    });
  };

  #timeout(): Error {
    const what =
      this.#waitingFor === 'first'
        ? `No answer within ${this.#limitMs.first} ms.`
        : `The stream was silent for ${this.#limitMs.between} ms.`;
    return this.#manners.failures.answerTimedOut(what, this.wasSent, this.providerRequestId);
  }

  #openDecoder(): Transform | null {
    const decoder = createDecoder(this.header('content-encoding'));
    decoder?.on('data', (chunk: Buffer) => this.#accept(chunk));
    decoder?.on('end', () => this.#end());
    decoder?.on('error', (error) =>
      this.#fail(
        this.#manners.failures.brokenAnswer('The answer cannot be decompressed.', this.providerRequestId, error),
      ),
    );
    return decoder;
  }

  #accept(chunk: Buffer): void {
    if (this.isOver || this.#isReleased) return;
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes > bufferedBytesMax) this.#controller?.pause();
    this.#wakeReader();
  }

  #takeChunks(): Buffer {
    const [first] = this.#chunks;
    const bytes = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#chunks.length = 0;
    if (this.#bufferedBytes > bufferedBytesMax) this.#controller?.resume();
    this.#bufferedBytes = 0;
    return bytes;
  }

  #wait(forWhat: 'between' | 'closing', limitMs: number): void {
    clearTimeout(this.#timer);
    this.#waitingFor = forWhat;
    this.#timer = setTimeout(this.#onTimer, limitMs);
  }

  #end(): void {
    if (!this.isOver) this.#settle('ended');
  }

  /** The answer is complete, its body is not. */
  #endHere(): void {
    this.#end();
    this.#controller?.abort(new Error('The answer is complete.'));
    this.#decoder?.destroy();
  }

  #fail(error: Error): void {
    if (this.isOver) return;
    if (this.#waitingFor === 'closing' && !this.#signal.aborted) {
      this.#endHere();
      return;
    }
    this.#failure = error;
    this.#settle('failed');
    this.#controller?.abort(error);
    this.#decoder?.destroy();
  }

  #settle(state: 'ended' | 'failed'): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#headersArrived.resolve();
    this.#wakeReader();
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
