import { randomBytes } from 'node:crypto';
import type { FileStore } from '@sluice/shared/ports/file-store.ts';
import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { count, time } from '../sql/columns.ts';
import { decodeEntity } from '../sql/entity-table.ts';
import { isThere } from './is-there.ts';
import { holdQuota, requireRoom, roomOf } from './quota.ts';
import type { FilesQuota, Room } from './quota.ts';

/** A file as its owner sees it: whole, neither deleted nor expired. Times in epoch milliseconds. */
export const FileRecord = z.object({
  /** `file-` and 32 hexadecimal digits. */
  fileId: z.string(),
  /** As `ownerOf` gives it. */
  owner: z.string(),
  filename: z.string(),
  purpose: z.string(),
  bytes: count,
  createdAt: time,
  /** null: kept until it is deleted. */
  expiresAt: time.nullable(),
});
export type FileRecord = Readonly<z.infer<typeof FileRecord>>;

export interface FileDescription {
  readonly filename: string;
  readonly purpose: string;
  /** From when it was begun; null: kept until it is deleted. */
  readonly expiresAfterSeconds: number | null;
}

export interface FilePage {
  readonly purpose?: string | undefined;
  /** The id of the file before the first one. */
  readonly after?: string | undefined;
  readonly descending: boolean;
  readonly limit: number;
}

export interface FilesOptions {
  readonly now?: () => number;
  /** null: there is none, as for what batches write: that is paid for, and must not be lost. */
  readonly quota?: FilesQuota | null;
}

export type Files = ReturnType<typeof filesIn>;

export function isFileId(text: string): boolean {
  return /^file-[0-9a-f]{32}$/.test(text);
}

/** The files of clients and batches: their rows in `ingress.files`, their bytes in the store under the file's id. */
export function filesIn(sql: SqlPool, store: FileStore, { now = Date.now, quota = null }: FilesOptions = {}) {
  return {
    /**
     * What the owner may keep still, now.
     * @throws GatewayError file_quota_exceeded unless there is room for a file of `bytes`
     */
    async requireRoom(owner: string, bytes: number): Promise<Room> {
      const room = await roomOf(sql, owner, quota, now());
      requireRoom(room, bytes, quota);
      return room;
    },

    /**
     * Stores a file. Nobody sees it before all of it is there; when this rejects there is none, and what there was of
     * it is removed, here or by the removal of files that were never whole.
     *
     * @param describe asked when all bytes are there; what it throws ends the file
     * @param options `isUnseen`: nobody sees it before `show`, and without one it is removed as if it were not whole
     * @throws GatewayError file_quota_exceeded; what `bytes`, `describe` or the store throw, or the signal's reason
     */
    async create(
      owner: string,
      bytes: AsyncIterable<Uint8Array>,
      describe: () => FileDescription | Promise<FileDescription>,
      { isUnseen = false, ...options }: { readonly signal?: AbortSignal; readonly isUnseen?: boolean } = {},
    ): Promise<FileRecord> {
      const fileId = `file-${randomBytes(16).toString('hex')}`;
      const createdAt = now();
      await sql.query(
        `insert into ingress.files (file_id, owner, filename, purpose, created_at) values ($1, $2, '', '', $3)`,
        [fileId, owner, new Date(createdAt)],
      );
      try {
        const stored = await store.put(fileId, bytes, options);
        return await finish({ fileId, owner, stored, createdAt, isUnseen }, await describe());
      } catch (error) {
        await discard(fileId).catch(() => undefined); // then the removal does it; what counts is the first error
        throw error;
      }
    },

    /** In the transaction of what tells of it. */
    async show(tx: Sql, fileId: string): Promise<void> {
      await tx.query('update ingress.files set stored_at = $2 where file_id = $1 and deleted_at is null', [
        fileId,
        new Date(now()),
      ]);
    },

    /** null: there is none, it is somebody else's, deleted or expired. */
    async find(owner: string, fileId: string): Promise<FileRecord | null> {
      const { rows } = await sql.query(
        `select * from ingress.files as file where file_id = $1 and owner = $2 and ${isThere('$3')}`,
        [fileId, owner, new Date(now())],
      );
      return rows.length === 0 ? null : decode(rows[0]);
    },

    /** By when they were begun. null: `after` is none of the owner's files, or gone for long. */
    async list(owner: string, { purpose, after, descending, limit }: FilePage): Promise<readonly FileRecord[] | null> {
      const [isBehind, order] = descending ? ['<', 'desc'] : ['>', 'asc'];
      const { rows } = await sql.query(
        `with cursor as (select created_at, file_id from ingress.files where file_id = $4 and owner = $1)
         select $4::text is null or exists (select from cursor) as known, page.*
         from (select) as once left join (
           select * from ingress.files as file
           where owner = $1 and ${isThere('$2')} and ($3::text is null or purpose = $3)
             and ($4::text is null or (created_at, file_id) ${isBehind} (select created_at, file_id from cursor))
           order by created_at ${order}, file_id ${order}
           limit $5
         ) as page on true
         order by page.created_at ${order}, page.file_id ${order}`,
        [owner, new Date(now()), purpose ?? null, after ?? null, limit],
      );
      if (!Known.parse(rows[0]).known) return null;
      return rows.filter(hasFile).map(decode);
    },

    /** Its bytes; whose they are, the caller has found out by `find`. */
    read(fileId: string, range?: { readonly from?: number; readonly to?: number }): AsyncIterable<Uint8Array> {
      return store.read(fileId, range);
    },

    /** Nobody sees it from then on; its bytes are removed soon after. @returns false: there was none, as `find` */
    async delete(owner: string, fileId: string): Promise<boolean> {
      const { rowCount } = await sql.query(
        `update ingress.files as file set deleted_at = $3
         where file_id = $1 and owner = $2 and ${isThere('$3')}`,
        [fileId, owner, new Date(now())],
      );
      return rowCount === 1;
    },
  };

  async function finish(
    { fileId, owner, stored, createdAt, isUnseen }: WholeFile,
    { filename, purpose, expiresAfterSeconds }: FileDescription,
  ): Promise<FileRecord> {
    const expiresAt = expiresAfterSeconds === null ? null : new Date(createdAt + expiresAfterSeconds * 1_000);
    return sql.transaction(async (tx) => {
      if (quota !== null) await holdQuota(tx, owner);
      requireRoom(await roomOf(tx, owner, quota, now()), stored, quota);
      const { rows } = await tx.query(
        `update ingress.files set bytes = $2, filename = $3, purpose = $4, expires_at = $5, stored_at = $6
       where file_id = $1 and deleted_at is null
       returning *`,
        [fileId, stored, filename, purpose, expiresAt, isUnseen ? null : new Date(now())],
      );
      if (rows.length === 0) throw new Error(`The file ${fileId} took so long that it was given up.`);
      return decode(rows[0]);
    });
  }

  async function discard(fileId: string): Promise<void> {
    await store.delete(fileId);
    await sql.query('delete from ingress.files where file_id = $1', [fileId]);
  }
}

/** A file all of whose bytes are there. */
interface WholeFile {
  readonly fileId: string;
  readonly owner: string;
  readonly stored: number;
  readonly createdAt: number;
  readonly isUnseen: boolean;
}

const Known = z.object({ known: z.boolean() });

/** An empty page still has one row, which says whether the cursor is known. */
function hasFile(row: unknown): boolean {
  return typeof row === 'object' && row !== null && 'file_id' in row && row.file_id !== null;
}

function decode(row: unknown): FileRecord {
  return decodeEntity({ schema: FileRecord }, row);
}
