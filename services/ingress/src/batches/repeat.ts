/** Does something every so often, the first time at once, never twice at the same time. Disposing it waits for the last time. */
export function repeat(step: () => Promise<void>, everyMs: number, onError: (error: unknown) => void): AsyncDisposable {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let running = go();
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      clearTimeout(timer);
      await running;
    },
  };

  async function go(): Promise<void> {
    try {
      await step();
    } catch (error) {
      onError(error);
    }
    if (!isOver) timer = setTimeout(() => void (running = go()), everyMs);
  }
}
