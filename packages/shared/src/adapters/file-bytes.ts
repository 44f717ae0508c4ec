/**
 * What `source` gives, as pieces of exactly `size` bytes and a last one that is smaller, if only an empty one. At most
 * one piece is in memory, besides what `source` has just given.
 */
export async function* inPieces(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer, void> {
  let piece = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const bytes of source) {
    for (let taken = 0; taken < bytes.length;) {
      const part = bytes.subarray(taken, taken + size - filled);
      piece.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled < size) continue;
      yield piece;
      piece = Buffer.allocUnsafe(size); // the one before may still be on its way
      filled = 0;
    }
  }
  yield piece.subarray(0, filled);
}

/** Passes on `source` until the signal aborts: then its reason is thrown, even while `source` gives nothing. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  if (signal === undefined) return yield* source;
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined); // it is heard only while something is waited for
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([aborted.promise, iterator.next()]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // One that hangs would never come back from this either.
    void iterator.return?.().catch(() => undefined);
  }
}
