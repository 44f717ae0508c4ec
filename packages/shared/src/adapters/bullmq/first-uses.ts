/** Lets others wait until something is used for the first time, by its name. */
export interface FirstUses {
  /** It is used. Calling this again changes nothing. */
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
