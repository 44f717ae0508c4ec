import { fieldNameOf } from './field-names.ts';

/** Limits that whoever administers what they limit may set downwards. */
const lowered = [
  'maxBudgetNanoUsd',
  'maxTokenBudget',
  'requestsPerMinute',
  'tokensPerMinute',
  'maxParallelRequests',
] as const;

/**
 * The first change that somebody may not make who administers a thing and not the proxy: it is neither among what they
 * may set freely, nor a limit set downwards, nor what is there already. null: they may make them all. Named as in
 * requests.
 */
export function forbiddenChange(
  before: Readonly<Partial<Record<(typeof lowered)[number], number | null>>>,
  changes: object,
  free: ReadonlySet<string>,
): string | null {
  const current = new Map<string, unknown>(Object.entries(before));
  const forbidden = Object.entries(changes).find(([name, value]: [string, unknown]) => {
    const limit = lowered.find((each) => each === name);
    const isLower = limit !== undefined && typeof value === 'number' && value <= (before[limit] ?? Infinity);
    return !free.has(name) && !isLower && JSON.stringify(value) !== JSON.stringify(current.get(name));
  });
  return forbidden === undefined ? null : fieldNameOf(forbidden[0]);
}
