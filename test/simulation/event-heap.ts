import type { Owner } from './virtual-time.ts';

export interface TimedEvent {
  /** Epoch milliseconds, true time. */
  at: number;
  /** Decides among events of the same moment. */
  tie: number;
  readonly owner: Owner;
  readonly label: string;
  readonly run: () => void;
  cancelled: boolean;
}

/** A binary heap: the earliest event first. */
export class EventHeap {
  readonly #events: TimedEvent[] = [];

  get size(): number {
    return this.#events.length;
  }

  push(event: TimedEvent): void {
    const events = this.#events;
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent];
      if (!above || isBefore(above, event)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  pop(): TimedEvent | undefined {
    const events = this.#events;
    const [first] = events;
    const last = events.pop();
    if (!last || first === last) return last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = isBefore(events[left + 1], events[left]) ? left + 1 : left;
      const below = events[child];
      if (!below || isBefore(last, below)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
    return first;
  }
}

function isBefore(one: TimedEvent | undefined, other: TimedEvent | undefined): boolean {
  if (!one || !other) return one !== undefined;
  return one.at < other.at || (one.at === other.at && one.tie < other.tie);
}
