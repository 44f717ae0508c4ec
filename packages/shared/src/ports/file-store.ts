/**
 * Keeps the bytes of files, by names that the caller makes. Whose they are, and since when, is not its business.
 * Nothing is ever whole in memory.
 */
export interface FileStore extends AsyncDisposable {
  /**
   * Stores what `bytes` gives. Until it resolves there is no such file; when it rejects there is none either, but
   * for parts of it that `delete` removes.
   * @returns how many bytes there were
   * @throws GatewayError dependency_unavailable; or what `bytes` throws, or the signal's reason
   */
  put(name: string, bytes: AsyncIterable<Uint8Array>, options?: { readonly signal?: AbortSignal }): Promise<number>;

  /**
   * The bytes from `from` (0) to before `to` (the end), in pieces of at most `filePieceBytesMax`, read as they are
   * asked for.
   * @throws GatewayError dependency_unavailable: the store cannot be asked; NoSuchFile: it says that there is no such
   *   file, or not all of it
   */
  read(name: string, range?: { readonly from?: number; readonly to?: number }): AsyncIterable<Uint8Array>;

  /** Removes the file, or what there is of it, in bounded steps; none is not an error. */
  delete(name: string): Promise<void>;

  /** Resolves when the store answers. @throws when it does not within its time limit */
  ping(): Promise<void>;
}

/** The store has answered, and has no such file, or has lost a part of it. */
export class NoSuchFile extends Error {
  override readonly name = 'NoSuchFile';

  constructor(file: string, options?: ErrorOptions) {
    super(`There is no file ${file}, or not all of it.`, options);
  }
}

export const filePieceBytesMax = 256 * 1024;
