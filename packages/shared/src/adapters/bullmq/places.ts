/**
 * BullMQ's priorities: 1 to 2,097,151, the lower the sooner; 0 would jump the queue. The upper half is not given: there
 * are the batch jobs that an earlier release queued among the interactive ones, and so they come last.
 */
const prioritiesEnd = 2 ** 20;

/** Of jobs that a worker has given back: they had their turn. */
export const givenBackPriority = 1;
/** Of placed jobs on PostgreSQL; on Redis, the first of many. */
export const placedPriority = 2;
/** Of jobs that were not placed yet: the end of the queue. */
export const newcomerPriority = prioritiesEnd - 1;

/** BullMQ on Redis sorts by `priority * 2^32 + counter` (its script `addPrioritizedJob`, `getPriorityScore`). */
const scoresPerPriority = 2 ** 32;

/** The score of the first tag: between those given back and the newcomers there is room for 2^52 tags. */
export const firstScore = placedPriority * scoresPerPriority;

/** Tags that there is room for: at a million tokens a second of a flow of weight 1, enough for eight years. */
export const tagRange = (newcomerPriority - placedPriority) * scoresPerPriority;
