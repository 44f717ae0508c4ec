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
 * How many lines one runner has on their way. Each owner has an equal share, however many batches they have, and one
 * more stays free, so that who comes need not wait for the others' lines; an owner's batches share alike. Within its share a batch asks as fast as it is answered: one line
 * more with each success, half as many when it is told "not now".
 */
export class Window {
  readonly #deps: WindowDeps;
  readonly #batches = new Set<BatchWindow>();
  /** How many batches each owner has here. */
  readonly #ofOwner = new Map<string, number>();
  #heldBytes = 0;

  constructor(deps: WindowDeps) {
    this.#deps = deps;
  }

  join(owner: string): BatchWindow {
    const batch = new BatchWindow({
      now: this.#deps.now,
      share: () => this.#shareOf(owner),
      leave: () => this.#leave(owner, batch),
    });
    this.#batches.add(batch);
    this.#ofOwner.set(owner, (this.#ofOwner.get(owner) ?? 0) + 1);
    return batch;
  }

  #shareOf(owner: string): number {
    const ofOwner = this.#deps.lines / (this.#ofOwner.size + 1);
    return Math.max(1, Math.floor(ofOwner / (this.#ofOwner.get(owner) ?? 1)));
  }

  #leave(owner: string, batch: BatchWindow): void {
    if (!this.#batches.delete(batch)) return;
    const left = (this.#ofOwner.get(owner) ?? 1) - 1;
    if (left === 0) this.#ofOwner.delete(owner);
    else this.#ofOwner.set(owner, left);
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
