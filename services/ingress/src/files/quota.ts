import { GatewayError } from '@sluice/shared/errors.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { isUnfinished } from '../batches/sql/batch-row.ts';
import { count } from '../sql/columns.ts';
import { isThere } from './is-there.ts';

/** What one owner may keep. */
export interface FilesQuota {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/** What an owner may keep still; nothing and less than nothing when batches have written more. */
export interface Room {
  readonly bytes: number;
  readonly files: number;
}

/**
 * What is left of an owner's quota. Counted are the files that there are, and those that were deleted or have expired
 * and are kept because a batch reads them. To be exact, asked in a transaction that has `holdQuota`.
 */
export async function roomOf(sql: Sql, owner: string, quota: FilesQuota | null, now: number): Promise<Room> {
  if (quota === null) return { bytes: Infinity, files: Infinity };
  const { rows } = await sql.query(
    `select count(*) as files, coalesce(sum(bytes), 0) as bytes from ingress.files as file
     where owner = $1 and stored_at is not null
       and ((${isThere('$2')})
         or file_id in (select input_file_id from ingress.batches where owner = $1 and ${isUnfinished}))`,
    [owner, new Date(now)],
  );
  const kept = Kept.parse(rows[0]);
  return { bytes: quota.maxBytes - kept.bytes, files: quota.maxFiles - kept.files };
}

/** Of several files that are to be stored for an owner at once, each is counted before the next, until the commit. */
export async function holdQuota(tx: Sql, owner: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('files of ' || $1, 0))`, [owner]);
}

/** @throws GatewayError file_quota_exceeded unless there is room for a file of so many bytes */
export function requireRoom(room: Room, bytes: number, quota: FilesQuota | null): void {
  if (quota === null || (room.files >= 1 && room.bytes >= bytes)) return;
  const message =
    `The file storage is full: ${quota.maxFiles} files and ${quota.maxBytes} bytes may be kept, and ` +
    `${Math.max(0, room.files)} files and ${Math.max(0, room.bytes)} bytes are left. Delete files that are not needed.`;
  throw new GatewayError('file_quota_exceeded', message);
}

const Kept = z.object({ files: count, bytes: count });
