/**
 * Runs `step` at once, and again `everyMs` after it has ended, never twice at the same time. Disposing aborts the
 * signal and waits for the step that runs.
 *
 * @param onError told of what a step throws; the next one comes all the same
 */
export function repeat(
  step: (signal: AbortSignal) => Promise<void>,
  everyMs: number,
  onError: (error: unknown) => void,
): AsyncDisposable {
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running = go();
  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      clearTimeout(timer);
      await running;
    },
  };

  async function go(): Promise<void> {
    try {
      await step(closing.signal);
    } catch (error) {
      onError(error);
    }
    if (!closing.signal.aborted) timer = setTimeout(() => void (running = go()), everyMs);
  }
}
