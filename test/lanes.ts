import path from 'node:path';

const faults = path.join('test', 'faults');

/** Faults that measure how much is served, or how soon: another program that computes would be in their figures. */
const measuring = ['throttling', 'fair-share', 'in-flight', 'clients-leave', 'rolling-restart', 'rate-windows'].map(
  (name) => path.join(faults, `${name}.test.ts`),
);

/** The longest of the other faults, which wait most of their time, and of the other files: these come first. */
const longFaults = ['dependencies', 'batches', 'budget-restarts', 'crash', 'batch-lane'].map((name) =>
  path.join(faults, `${name}.test.ts`),
);
const longFiles = [
  'batches',
  'api-distributed',
  'two-ingresses',
  'routing',
  'files',
  'provider-failures',
  'tenancy',
  'reconciliation',
  'start',
  'secrets/secrets',
  'services',
  'routing-controls',
  'metrics',
  'batch-webhooks',
].map((name) => path.join('test', 'e2e', `${name}.test.ts`));
const longOthers = ['simulation/simulation', 'upgrade/upgrade'].map((name) => path.join('test', `${name}.test.ts`));

/**
 * Which test files run at a time, on two processors: beside a fault that measures one other file; then two faults, which
 * mostly wait for what is lost to be noticed, and beside them one other file.
 *
 * @param files paths from the root
 * @returns lanes that run beside each other, each one file after the other; who asks for the next file gets it
 */
export function lanesOf(files: readonly string[]): AsyncIterable<string>[] {
  const measure = files.filter((file) => measuring.includes(file));
  const isFault = (file: string) => file.startsWith(faults + path.sep);
  const wait = firstOf(
    longFaults,
    files.filter((file) => isFault(file) && !measuring.includes(file)),
  );
  const others = firstOf(
    [...longFiles, ...longOthers],
    files.filter((file) => !isFault(file)),
  );
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
    yield* shifted(wait, others);
  }
}

/** All files, with those of the list that are among them first. */
function firstOf(list: readonly string[], files: readonly string[]): string[] {
  return [...list.filter((file) => files.includes(file)), ...files.filter((file) => !list.includes(file))];
}

function* shifted(...queues: string[][]): Generator<string> {
  for (const queue of queues) for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next;
}
