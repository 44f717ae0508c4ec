import { createRandom } from '../faults/random.ts';

/** All chance of one simulation. Same seed, same numbers, in the order in which they are drawn. */
export class Random {
  /** In [0, 1). */
  readonly next: () => number;

  constructor(seed: number) {
    this.next = createRandom(seed);
    // Seeds that lie next to each other begin alike.
    for (let drawn = 0; drawn < 8; drawn += 1) this.next();
  }

  /** An integer from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.next() * choices.length)];
    if (choice === undefined) throw new RangeError('nothing to choose from');
    return choice;
  }
}
