import type { Logger } from '@sluice/shared/log.ts';
import type { FileStore } from '@sluice/shared/ports/file-store.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { isUnfinished } from '../batches/sql/batch-row.ts';
import { repeat } from '../repeat.ts';

export interface FileRemovalDeps {
  readonly sql: Sql;
  readonly store: FileStore;
  readonly log: Logger;
  readonly now: () => number;
}

/** Files that one step takes. */
const stepMax = 16;
/** How long a deleted file's bytes stay, for those who are reading it; also between two tries to remove them. */
const graceMs = 60_000;
/** An upload that has not ended by then never will. */
const unfinishedMs = 86_400_000;

const Due = z.array(z.object({ file_id: z.string() }));

/**
 * Removes files that have expired, the bytes of those that were deleted a minute ago, and what is left of those that
 * were never whole after a day; but not those that a running batch reads. Whoever takes a file says so in its row, so
 * any number of processes may do it at once, and one that dies or cannot reach the store leaves it to a later one.
 *
 * @returns how many files it has removed
 */
export async function removeFiles(deps: FileRemovalDeps, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  for (;;) {
    const taken = await takeDue(deps);
    for (const fileId of taken) {
      if (signal?.aborted === true) return removed;
      removed += (await remove(fileId, deps)) ? 1 : 0;
    }
    if (taken.length < stepMax) return removed;
  }
}

/** Does so every `intervalMs` until it is disposed, which waits for the file that is being removed. */
export function openFileRemoval(deps: FileRemovalDeps & { readonly intervalMs: number }): AsyncDisposable {
  const { log, intervalMs } = deps;
  return repeat(
    async (signal) => {
      const files = await removeFiles(deps, signal);
      if (files > 0) log.info({ files }, 'files removed');
    },
    intervalMs,
    (error) => log.warn({ err: error }, 'files not removed; tried again'),
  );
}

async function takeDue({ sql, now }: FileRemovalDeps): Promise<readonly string[]> {
  const at = now();
  const { rows } = await sql.query(
    `update ingress.files set deleted_at = $1
     where file_id in (
       select file_id from ingress.files
       where (deleted_at <= $2
           or (deleted_at is null and expires_at <= $1)
           or (deleted_at is null and stored_at is null and created_at <= $3))
         and file_id not in (select input_file_id from ingress.batches where ${isUnfinished})
       limit ${stepMax}
       for update skip locked
     )
     returning file_id`,
    [new Date(at), new Date(at - graceMs), new Date(at - unfinishedMs)],
  );
  return Due.parse(rows).map(({ file_id: fileId }) => fileId);
}

async function remove(fileId: string, { sql, store, log }: FileRemovalDeps): Promise<boolean> {
  try {
    await store.delete(fileId);
    await sql.query('delete from ingress.files where file_id = $1', [fileId]);
    return true;
  } catch (error) {
    log.warn({ err: error, fileId }, 'a file was not removed; tried again');
    return false;
  }
}
