export interface WindowDeps {
  /** Lines on their way, over all batches. */
  readonly lines: number;
  /** What lines may take that are in memory, over all batches. */
  readonly bytesMax?: number;
  readonly now: () => number;
}

/** What a batch begins with, and adds a line to with each that succeeds. */
const firstLines = 32;

/**
 * How many lines one runner has on their way. Each batch has an equal share, and one more stays free, so that a batch
 * that comes need not wait for the others' lines. Within its share a batch asks as fast as it is answered: one line
 * more with each success, half as many when it is told "not now".
 */
export class Window {
  readonly #deps: WindowDeps;
  readonly #batches = new Set<BatchWindow>();
  #heldBytes = 0;

  constructor(deps: WindowDeps) {
    this.#deps = deps;
  }

  join(): BatchWindow {
    const batch = new BatchWindow({
      now: this.#deps.now,
      share: () => Math.max(1, Math.floor(this.#deps.lines / (this.#batches.size + 1))),
      leave: () => void this.#batches.delete(batch),
    });
    this.#batches.add(batch);
    return batch;
  }

  /** Lines on their way now, over all batches. */
  get running(): number {
    return [...this.#batches].reduce((sum, { running }) => sum + running, 0);
  }

  /** Whether more lines may be read into memory. */
  hasRoom(): boolean {
    return this.#heldBytes < (this.#deps.bytesMax ?? 64 * 1024 * 1024);
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** One batch's part of the window. Disposing it leaves its share to the others. */
export class BatchWindow implements Disposable {
  readonly #deps: { readonly now: () => number; readonly share: () => number; readonly leave: () => void };
  #limit = firstLines;
  #running = 0;
  #restsUntil = 0;
  /** Of several lines that began together and are all refused, the first has said it. */
  #halvedAt = -Infinity;

  constructor(deps: { readonly now: () => number; readonly share: () => number; readonly leave: () => void }) {
    this.#deps = deps;
  }

  /** What it may have on its way at the most. */
  get share(): number {
    return this.#deps.share();
  }

  get running(): number {
    return this.#running;
  }

  /** At this moment; a batch that rests has none. */
  get room(): number {
    return this.restMs > 0 ? 0 : Math.max(0, Math.min(this.#limit, this.#deps.share()) - this.#running);
  }

  /** How long the batch has been told to wait still. */
  get restMs(): number {
    return Math.max(0, this.#restsUntil - this.#deps.now());
  }

  /** @returns what `ended` or `refused` is told */
  begin(): { readonly begunAt: number } {
    this.#running += 1;
    return { begunAt: this.#deps.now() };
  }

  /** @param isSuccess it was let in and answered: there may be room for more */
  ended(isSuccess: boolean): void {
    this.#running -= 1;
    if (isSuccess) this.#limit = Math.min(this.#limit + 1, this.#deps.share());
  }

  /** Not now. @param restMs as whoever refuses asks for it; 0: nothing was said */
  refused({ begunAt }: { readonly begunAt: number }, restMs: number): void {
    this.#running -= 1;
    const now = this.#deps.now();
    this.#restsUntil = Math.max(this.#restsUntil, now + restMs);
    if (begunAt <= this.#halvedAt) return;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#halvedAt = now;
  }

  [Symbol.dispose](): void {
    this.#deps.leave();
  }
}
