import { writeGathered } from './end-of-turn.ts';

interface Gathered<Item, Answer> {
  readonly items: Item[];
  readonly answer: Promise<Answer>;
}

/**
 * Sends in one piece what is asked for in one turn of the event loop: a script of Redis that runs for one item costs
 * more than the item, there and here.
 */
export class TurnGatherer<Item, Answer> {
  readonly #most: number;
  readonly #send: (items: readonly Item[]) => Promise<Answer>;
  #open: Gathered<Item, Answer> | null = null;

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
    const known = this.#open;
    const { items, answer } = known && known.items.length < this.#most ? known : this.#begin();
    return { answer, position: items.push(item) - 1 };
  }

  #begin(): Gathered<Item, Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const gathered: Gathered<Item, Answer> = { items: [], answer: promise };
    this.#open = gathered;
    writeGathered(() => {
      if (this.#open === gathered) this.#open = null;
      resolve(this.#send(gathered.items));
    });
    return gathered;
  }
}
