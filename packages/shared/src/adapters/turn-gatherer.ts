import { writeGathered } from './end-of-turn.ts';

interface Gathered<Item, Answer> {
  readonly items: Item[];
  readonly answer: Promise<Answer>;
  readonly resolve: (answer: Promise<Answer>) => void;
}

/**
 * Sends in one piece what is asked for in one turn of the event loop: a script of Redis that runs for one item costs
 * more than the item, there and here.
 */
export class TurnGatherer<Item, Answer> {
  readonly #most: number;
  readonly #send: (items: readonly Item[]) => Promise<Answer>;
  /** All but the last are full. */
  readonly #unsent: Gathered<Item, Answer>[] = [];

  /**
   * @param most items of one piece, so that none holds Redis up for long
   * @param send must not throw; what it rejects with is everyone's
   */
  constructor(most: number, send: (items: readonly Item[]) => Promise<Answer>) {
    this.#most = most;
    this.#send = send;
  }

  /** @returns the answer to the piece that the item goes with, and which of its items it is */
  add(item: Item): { readonly answer: Promise<Answer>; readonly position: number } {
    const last = this.#unsent.at(-1);
    const { items, answer } = last && last.items.length < this.#most ? last : this.#begin();
    return { answer, position: items.push(item) - 1 };
  }

  /** Sends now what is gathered, for what must not overtake it. */
  flush(): void {
    for (const { items, resolve } of this.#unsent.splice(0)) resolve(this.#send(items));
  }

  #begin(): Gathered<Item, Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const begun: Gathered<Item, Answer> = { items: [], answer: promise, resolve };
    if (this.#unsent.push(begun) === 1) writeGathered(() => this.flush());
    return begun;
  }
}
