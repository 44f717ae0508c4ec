/** Who waits until something is used for the first time. */
export interface FirstUses {
  /** Each time, or only the first. */
  readonly used: (name: string) => void;
  readonly whenUsed: (name: string) => Promise<void>;
}

export function createFirstUses(): FirstUses {
  const uses = new Map<string, PromiseWithResolvers<void>>();
  const useOf = (name: string) => {
    const known = uses.get(name) ?? Promise.withResolvers<void>();
    uses.set(name, known);
    return known;
  };
  return {
    used: (name) => useOf(name).resolve(),
    whenUsed: (name) => useOf(name).promise,
  };
}
