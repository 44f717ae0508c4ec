import { once } from 'node:events';
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';

/**
 * Decompresses zstd bodies of any number of frames. Node's own stream ends with the first frame when the next one
 * begins in the same piece of input, and drops what is left of it; here the next frame gets a stream of its own.
 */
export class ZstdFrames extends Transform {
  #frame = this.#open();

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    callBack(this.#feed(bytes), done);
  }

  override _flush(done: TransformCallback): void {
    const { stream, ended } = this.#frame;
    stream.end();
    callBack(ended, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#frame.stream.destroy();
    done(error);
  }

  async #feed(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const { stream, ended } = this.#frame;
      const before = stream.bytesWritten;
      await new Promise<void>((resolve, reject) => {
        stream.write(rest, (error) => (error ? reject(error) : resolve()));
      });
      const taken = stream.bytesWritten - before;
      if (taken === rest.length) return;
      if (taken === 0) throw new Error('What follows a zstd frame is none.');
      await ended;
      this.#frame = this.#open();
      rest = rest.subarray(taken);
    }
  }

  #open() {
    const stream = createZstdDecompress();
    stream.on('data', (bytes: Buffer) => this.push(bytes));
    stream.on('error', (error) => this.destroy(error));
    const ended = once(stream, 'end');
    ended.catch(() => undefined); // an error comes through the write, too
    return { stream, ended };
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('The body cannot be decompressed.', { cause: error });
}

/** Node's streams are told of an end by a call, not by a promise. */
function callBack(work: Promise<unknown>, done: TransformCallback): void {
  void (async () => {
    let failure: Error | null = null;
    try {
      await work;
    } catch (error) {
      failure = asError(error);
    }
    done(failure);
  })();
}
