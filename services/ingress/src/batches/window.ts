export interface WindowDeps {
  /** Lines on their way, over all batches. */
  readonly lines: number;
  /** What lines may take that are in memory, over all batches. */
  readonly bytesMax?: number;
  /** What results may take that are not stored yet, those on their way included, over all batches. */
  readonly answerBytesMax?: number;
  readonly now: () => number;
}

/** What a batch begins with, and adds a line to with each that succeeds. */
const firstLines = 32;
const mebibyte = 1024 * 1024;

/**
 * How many lines one runner has on their way. Each owner has an equal share, however many batches they have, and one
 * more stays free, so that who comes need not wait for the others' lines; an owner's batches share alike. Within its
 * share a batch asks as fast as it is answered: one line more with each success, half as many when it is told "not
 * now". And no more are on their way than there is memory for their results, by what the batch's last ones had.
 */
export class Window {
  readonly #deps: WindowDeps;
  readonly #batches = new Set<BatchWindow>();
  /** How many batches each owner has here. */
  readonly #ofOwner = new Map<string, number>();
  #heldBytes = 0;
  #answerBytes = 0;
  readonly #answerBytesMax: number;

  constructor(deps: WindowDeps) {
    this.#deps = deps;
    this.#answerBytesMax = deps.answerBytesMax ?? 64 * mebibyte;
  }

  join(owner: string): BatchWindow {
    const batch = new BatchWindow({
      now: this.#deps.now,
      share: () => this.#shareOf(owner),
      answers: {
        left: () => this.#answerBytesMax - this.#answerBytes,
        max: this.#answerBytesMax,
        add: (bytes) => void (this.#answerBytes += bytes),
      },
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
    return this.#heldBytes < (this.#deps.bytesMax ?? 64 * mebibyte);
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

interface BatchWindowDeps {
  readonly now: () => number;
  readonly share: () => number;
  /** Bytes of results, over all batches. */
  readonly answers: {
    readonly left: () => number;
    readonly max: number;
    readonly add: (bytes: number) => void;
  };
  readonly leave: () => void;
}

/** A line on its way. It ends once, by `ended` or `refused`. */
export interface LineInWindow {
  readonly begunAt: number;
  /** Its result has so many bytes, which are held until it has ended. */
  answered(bytes: number): void;
  /** @param isSuccess it was let in and answered: there may be room for more */
  ended(isSuccess?: boolean): void;
  /** Not now. @param restMs as whoever refuses asks for it; 0: nothing was said */
  refused(restMs: number): void;
}

/** One batch's part of the window. Disposing it leaves its share to the others. */
export class BatchWindow implements Disposable {
  readonly #deps: BatchWindowDeps;
  readonly #size = new AnswerSize();
  #limit = firstLines;
  #running = 0;
  /** Of those that run, how many have no result yet, and the bytes of the others'. */
  #unanswered = 0;
  #answeredBytes = 0;
  /** What the window counts for it. */
  #counted = 0;
  #restsUntil = 0;
  /** Of several lines that began together and are all refused, the first has said it. */
  #halvedAt = -Infinity;

  constructor(deps: BatchWindowDeps) {
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
    if (this.restMs > 0) return 0;
    return Math.max(0, Math.min(this.#limit, this.#deps.share(), this.#running + this.answerRoom) - this.#running);
  }

  /**
   * For how many lines more there is memory. A batch that has none on its way may have one even where others fill it
   * all, unless so many do that that takes as much again.
   */
  get answerRoom(): number {
    const { left, max } = this.#deps.answers;
    const lines = Math.max(0, Math.floor(left() / this.#size.expected));
    return lines === 0 && this.#running === 0 && left() > -max ? 1 : lines;
  }

  /** How long the batch has been told to wait still. */
  get restMs(): number {
    return Math.max(0, this.#restsUntil - this.#deps.now());
  }

  begin(): LineInWindow {
    const begunAt = this.#deps.now();
    let bytes: number | null = null;
    this.#running += 1;
    this.#unanswered += 1;
    this.#count();
    const end = () => {
      this.#running -= 1;
      if (bytes === null) this.#unanswered -= 1;
      else this.#answeredBytes -= bytes;
      this.#count();
    };
    return {
      begunAt,
      answered: (size) => {
        bytes = size;
        this.#unanswered -= 1;
        this.#answeredBytes += size;
        this.#size.saw(size);
        this.#count();
      },
      ended: (isSuccess = false) => {
        end();
        if (isSuccess) this.#limit = Math.min(this.#limit + 1, this.#deps.share());
      },
      refused: (restMs) => {
        end();
        this.#halve(begunAt, restMs);
      },
    };
  }

  #halve(begunAt: number, restMs: number): void {
    const now = this.#deps.now();
    this.#restsUntil = Math.max(this.#restsUntil, now + restMs);
    if (begunAt <= this.#halvedAt) return;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#halvedAt = now;
  }

  #count(): void {
    const counted = this.#unanswered * this.#size.expected + this.#answeredBytes;
    this.#deps.answers.add(counted - this.#counted);
    this.#counted = counted;
  }

  [Symbol.dispose](): void {
    this.#deps.answers.add(-this.#counted);
    this.#counted = 0;
    this.#deps.leave();
  }
}

/** Of a batch's results, before there is one. */
const firstSize = mebibyte;
const smallestSize = 1024;

/** How large the next result of a batch may be: as the largest lately, of which each smaller one takes off a little. */
class AnswerSize {
  #expected: number | null = null;

  get expected(): number {
    return this.#expected ?? firstSize;
  }

  saw(bytes: number): void {
    const before = this.#expected ?? bytes;
    this.#expected = Math.max(smallestSize, bytes, before - Math.ceil((before - bytes) / 64));
  }
}
