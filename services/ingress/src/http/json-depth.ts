/** Deeper than any client means it. What walks a value, from here to the provider, does so by recursion. */
export const jsonLevelsMax = 100;

export function isNestedTooDeep(value: unknown): boolean {
  return isDeeperThan(jsonLevelsMax, value);
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}
