import { Readable } from 'node:stream';
import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { GatewayError } from '../../errors.ts';
import { filePieceBytesMax, NoSuchFile } from '../../ports/file-store.ts';
import type { FileStore } from '../../ports/file-store.ts';
import { untilAborted } from '../file-bytes.ts';

export interface S3FileStoreOptions {
  readonly bucket: string;
  readonly region: string;
  /** null: that of AWS in the region. */
  readonly endpoint: string | null;
  /** Before the name of each object. */
  readonly prefix: string;
  /** null: as the SDK finds them, by `AWS_ACCESS_KEY_ID` and so on. Secret. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  /** Of one request, which is tried three times. */
  readonly timeLimitMs?: number;
}

/** The smallest that S3 allows; a file that is put has at most two of them in memory. */
const partBytes = 5 * 1024 * 1024;
/** Asked for at once, and in memory while a file is read: a connection never waits for a slow reader. */
const readBytes = 1024 * 1024;
/** Whoever asks whether the store is there does not wait for retries. */
const pingMs = 1_000;

/**
 * Files as objects of an S3-compatible store. A file is put in parts, and is there when the store is told that they are
 * all; what fails takes its parts back. Read in ranges of 1 MiB.
 */
export function openS3FileStore(options: S3FileStoreOptions): FileStore {
  const { bucket, region, endpoint, prefix, credentials, timeLimitMs = 15_000 } = options;
  const s3 = new S3Client({
    region,
    ...(endpoint !== null && { endpoint }),
    ...(credentials !== null && { credentials }),
    // Names of buckets are no host names everywhere, and their certificates do not have them.
    forcePathStyle: endpoint !== null,
    // Not every store knows the checksums that AWS's does; the signature covers the bytes, as does TLS.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: timeLimitMs, throwOnRequestTimeout: true },
  });
  const at = (name: string) => ({ Bucket: bucket, Key: `${prefix}${name}` });

  return {
    async put(name, bytes, { signal } = {}) {
      let total = 0;
      let broken: { readonly error: unknown } | undefined;
      const counted = async function* () {
        try {
          for await (const piece of untilAborted(bytes, signal)) {
            total += piece.length;
            yield piece;
          }
        } catch (error) {
          broken = { error };
          throw error;
        }
      };
      const body = Readable.from(counted(), { objectMode: false, highWaterMark: filePieceBytesMax });
      const upload = new Upload({ client: s3, params: { ...at(name), Body: body }, partSize: partBytes, queueSize: 1 });
      try {
        signal?.throwIfAborted();
        await upload.done();
        return total;
      } catch (error) {
        body.destroy();
        if (broken !== undefined) throw broken.error;
        throw signal?.aborted === true ? signal.reason : unavailable(error);
      }
    },

    async *read(name, { from = 0, to = Infinity } = {}) {
      let end = to;
      for (let start = from; start < end; start += readBytes) {
        const last = Math.min(start + readBytes, end) - 1;
        const range = await getRange(name, start, last);
        if (range === null) return;
        end = Math.min(end, range.size);
        for (let cut = 0; cut < range.bytes.length; cut += filePieceBytesMax) {
          yield range.bytes.subarray(cut, cut + filePieceBytesMax);
        }
      }
    },

    async delete(name) {
      await s3.send(new DeleteObjectCommand(at(name))).catch((error: unknown) => {
        // Some stores say so (OCI's native API does), where AWS says that all is well.
        if (!(error instanceof S3ServiceException && error.name === 'NoSuchKey')) throw unavailable(error);
      });
    },

    async ping() {
      // That there is no such object is said by a store that knows the bucket and lets us read it.
      const abortSignal = AbortSignal.timeout(pingMs);
      await s3.send(new GetObjectCommand(at('ping')), { abortSignal }).catch((error: unknown) => {
        if (!(error instanceof NoSuchKey)) throw unavailable(error);
      });
    },

    async [Symbol.asyncDispose]() {
      s3.destroy();
    },
  };

  /** The bytes from `start` to `last`, and how many the whole file has; null: it ends before. */
  async function getRange(name: string, start: number, last: number) {
    try {
      const found = await s3.send(new GetObjectCommand({ ...at(name), Range: `bytes=${start}-${last}` }));
      const given = await found.Body?.transformToByteArray();
      const [, first, whole] = /^bytes (\d+)-\d+\/(\d+)$/.exec(found.ContentRange ?? '') ?? [];
      const size = Number(whole);
      const length = Math.min(last + 1, size) - start;
      if (Number(first) !== start || given === undefined || given.length < length) {
        throw new Error(`The store has given another range of ${name} than it was asked for.`);
      }
      return { bytes: given.subarray(0, length), size };
    } catch (error) {
      if (error instanceof NoSuchKey) throw new NoSuchFile(name, { cause: error });
      if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 416) return null;
      throw unavailable(error);
    }
  }
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError(
    'dependency_unavailable',
    "The gateway's file store is not available. Try again in a moment.",
    {
      retryAfterSeconds: 1,
      cause,
    },
  );
}
