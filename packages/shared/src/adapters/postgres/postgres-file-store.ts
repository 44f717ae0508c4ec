import { z } from 'zod';
import { filePieceBytesMax, NoSuchFile } from '../../ports/file-store.ts';
import type { FileStore } from '../../ports/file-store.ts';
import type { Sql } from '../../ports/sql.ts';
import { inPieces, untilAborted } from '../file-bytes.ts';

/** Chunks that one statement deletes, 8 MiB: what it locks and writes down stays small. */
const chunksPerDelete = 32;

const Chunk = z.object({ bytes: z.instanceof(Uint8Array), whole: z.int() });

/**
 * Files in `ingress.file_chunks`, a statement a chunk. All chunks of a file have 256 KiB but the last, which has less,
 * if only nothing: by that it is known for the last, and a file that has lost its end is never taken for a whole one.
 * Chunk 0 is written last and deleted first: where it is, is a file.
 */
export function createPostgresFileStore(sql: Sql): FileStore {
  const insert = async (name: string, chunk: number, bytes: Buffer): Promise<void> => {
    await sql.query('insert into ingress.file_chunks (name, chunk, bytes) values ($1, $2, $3)', [name, chunk, bytes]);
  };

  return {
    async put(name, bytes, { signal } = {}) {
      let first: Buffer | undefined;
      let chunks = 0;
      let total = 0;
      for await (const piece of inPieces(untilAborted(bytes, signal), filePieceBytesMax)) {
        if (first === undefined) first = piece;
        else await insert(name, chunks, piece);
        chunks += 1;
        total += piece.length;
      }
      if (first === undefined) throw new Error('There is always a last piece.');
      signal?.throwIfAborted();
      await insert(name, 0, first);
      return total;
    },

    async *read(name, { from = 0, to = Infinity } = {}) {
      for (let at = from; at < to;) {
        const chunk = Math.floor(at / filePieceBytesMax);
        const start = at % filePieceBytesMax;
        const length = Math.min(filePieceBytesMax - start, to - at);
        const { rows } = await sql.query(
          `select substring(bytes from $3 + 1 for $4) as bytes, length(bytes) as whole
           from ingress.file_chunks where name = $1 and chunk = $2 and ${isFile}`,
          [name, chunk, start, length],
        );
        if (rows.length === 0 && (await endsBefore(sql, name, chunk))) return;
        if (rows.length === 0) throw new NoSuchFile(name);
        const { bytes, whole } = Chunk.parse(rows[0]);
        if (bytes.length > 0) yield bytes;
        if (whole < filePieceBytesMax) return;
        at += length;
      }
    },

    async delete(name) {
      let deleted: number | null;
      do {
        ({ rowCount: deleted } = await sql.query(
          `delete from ingress.file_chunks where name = $1 and chunk in (
             select chunk from ingress.file_chunks where name = $1 order by chunk limit ${chunksPerDelete}
           )`,
          [name],
        ));
      } while (deleted === chunksPerDelete);
    },

    async ping() {
      await sql.query('select 1');
    },

    async [Symbol.asyncDispose]() {
      // the database is its owner's to close
    },
  };
}

const isFile = 'exists (select from ingress.file_chunks where name = $1 and chunk = 0)';

/** Whether there is the file, and its last chunk comes before this one. */
async function endsBefore(sql: Sql, name: string, chunk: number): Promise<boolean> {
  const { rows } = await sql.query(
    `select from ingress.file_chunks
     where name = $1 and chunk < $2 and length(bytes) < ${filePieceBytesMax} and ${isFile}`,
    [name, chunk],
  );
  return rows.length > 0;
}
