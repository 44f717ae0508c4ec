import path from 'node:path';

const faults = path.join('test', 'faults');

/** Faults that measure how much is served, or how soon: another program that computes would be in their figures. */
const measuring = ['throttling', 'fair-share', 'in-flight', 'clients-leave', 'rolling-restart', 'rate-windows'].map(
  (name) => path.join(faults, `${name}.test.ts`),
);

/** The longest of the others, first: at the end, each would keep one processor waiting. */
const long = ['api-distributed', 'api-embedded', 'provider-failures', 'two-ingresses', 'batches', 'routing'].map(
  (name) => path.join('test', 'e2e', `${name}.test.ts`),
);

/**
 * Which test files run at a time, on two processors: one fault, and beside it one other file, or two while the fault
 * only waits for what is lost to be noticed. Two faults only when nothing else is left.
 *
 * @param files paths from the root
 * @returns lanes that run beside each other, each one file after the other; who asks for the next file gets it
 */
export function lanesOf(files: readonly string[]): AsyncIterable<string>[] {
  const measure = files.filter((file) => measuring.includes(file));
  const wait = files.filter((file) => file.startsWith(faults + path.sep) && !measuring.includes(file));
  const rest = files.filter((file) => !file.startsWith(faults + path.sep));
  const others = [...long.filter((file) => rest.includes(file)), ...rest.filter((file) => !long.includes(file))];
  const { promise: measured, resolve: noteMeasured } = Promise.withResolvers<void>();
  return [first(), second(), third()];

  async function* first(): AsyncGenerator<string> {
    yield* shifted(measure);
    noteMeasured();
    yield* shifted(wait, others);
  }

  async function* second(): AsyncGenerator<string> {
    yield* shifted(others, wait);
  }

  async function* third(): AsyncGenerator<string> {
    await measured;
    yield* shifted(others);
  }
}

function* shifted(...queues: string[][]): Generator<string> {
  for (const queue of queues) for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next;
}
