/**
 * Believes a store that has not got a file only when it goes on saying so: one that was just restored, or that follows
 * another, may know it a moment later.
 */
export class MissingFile {
  readonly #deps: { readonly now: () => number; readonly goneAfterMs: number };
  #since: number | null = null;

  constructor(deps: { readonly now: () => number; readonly goneAfterMs: number }) {
    this.#deps = deps;
  }

  /** The store has said it, perhaps again. @returns whether the file is to be given up */
  isGone(): boolean {
    this.#since ??= this.#deps.now();
    return this.#deps.now() - this.#since >= this.#deps.goneAfterMs;
  }

  /** It is there. */
  found(): void {
    this.#since = null;
  }
}
