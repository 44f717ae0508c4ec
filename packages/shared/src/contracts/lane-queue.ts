import type { InferenceJob } from './inference-job.ts';
import { Lane } from './turn.ts';

/**
 * Each lane of an alias's queue is a queue of its own: workers take from both, and one lane's backlog is in nobody's
 * way in the other. No alias has control characters in its name, so none is called like another one's batch queue.
 */
const batchMark = '\u0000batch';

/** The queue of a lane of the queue `name`. The interactive one has the same name. */
export function laneQueue(name: string, lane: Lane): string {
  return lane === 'batch' ? name + batchMark : name;
}

/** Both lanes' queues of each of these. */
export function laneQueues(names: readonly string[]): string[] {
  return names.flatMap((name) => Lane.options.map((lane) => laneQueue(name, lane)));
}

/** What `laneQueue` made it of. */
export function laneOfQueue(queue: string): { readonly name: string; readonly lane: Lane } {
  return queue.endsWith(batchMark)
    ? { name: queue.slice(0, -batchMark.length), lane: 'batch' }
    : { name: queue, lane: 'interactive' };
}

/** The queue that a job waits in. */
export function queueOfJob({ alias, queue, turn }: Pick<InferenceJob, 'alias' | 'queue' | 'turn'>): string {
  return laneQueue(queue ?? alias, laneOfJob({ turn }));
}

/** A job without a turn is interactive. */
export function laneOfJob({ turn }: Pick<InferenceJob, 'turn'>): Lane {
  return turn?.lane ?? 'interactive';
}
