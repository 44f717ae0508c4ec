import type { InferenceJob } from './inference-job.ts';
import { Lane } from './turn.ts';

/**
 * Each lane of an alias's queue is a queue of its own: workers take from both, and a backlog in one holds up nobody in
 * the other. Names of aliases have no control characters, so none is equal to the name of a batch queue.
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

/** The reverse of `laneQueue`. */
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
