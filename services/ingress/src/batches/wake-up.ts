/** Lets one loop sleep until something happens. What happens while it is awake is not missed. */
export class WakeUp {
  #waker = Promise.withResolvers<void>();

  readonly wake = (): void => this.#waker.resolve();

  /** Resolves at the next `wake` since the last sleep has ended, or after `ms`. */
  async sleep(ms: number): Promise<void> {
    const timer = setTimeout(this.wake, ms);
    await this.#waker.promise;
    clearTimeout(timer);
    this.#waker = Promise.withResolvers<void>();
  }
}
