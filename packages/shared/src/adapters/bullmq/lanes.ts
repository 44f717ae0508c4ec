import type { Lane } from '../../contracts/turn.ts';

/** BullMQ's priorities: 1 to 2,097,151, the lower the sooner; 0 would jump the queue. */
const priorityLimit = 2 ** 21 - 1;
const half = 2 ** 20;

export interface LanePriorities {
  /** Of jobs that a worker has given back: they had their turn. */
  readonly givenBack: number;
  /** Of jobs that were not placed yet: the end of the lane. */
  readonly newcomer: number;
}

/** Interactive jobs have the lower half of the priorities, batch jobs the upper. */
export const lanePriorities: Readonly<Record<Lane, LanePriorities>> = {
  interactive: { givenBack: 1, newcomer: half - 1 },
  batch: { givenBack: half, newcomer: priorityLimit },
};

/** BullMQ on Redis sorts by `priority * 2^32 + counter` (its script `addPrioritizedJob`, `getPriorityScore`). */
const scoresPerPriority = 2 ** 32;

/** The score of a lane's first tag: between those given back and the newcomers there is room for 2^52 tags. */
export function firstScore(lane: Lane): number {
  return (lanePriorities[lane].givenBack + 1) * scoresPerPriority;
}

/** Tags that a lane has room for: at a million tokens a second of a flow of weight 1, enough for eight years. */
export const tagRange = (half - 3) * scoresPerPriority;
