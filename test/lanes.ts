import path from 'node:path';

const faults = `${path.join('test', 'faults')}${path.sep}`;

/**
 * Which test files run at a time, on two processors: two, and beside them one of the faults, which mostly wait for what
 * is lost to be noticed. Two faults only when nothing else is left: they measure how long a takeover takes.
 *
 * @param files paths from the root
 * @returns lanes that run beside each other, each one file after the other; who asks for the next file gets it
 */
export function lanesOf(files: readonly string[]): Iterable<string>[] {
  const waiting = files.filter((file) => file.startsWith(faults));
  const others = files.filter((file) => !file.startsWith(faults));
  return [shifted(waiting, others), shifted(others, waiting), shifted(others)];
}

function* shifted(...queues: string[][]): Generator<string> {
  for (const queue of queues) for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next;
}
