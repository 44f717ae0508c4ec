import type { FileStore } from '../ports/file-store.ts';
import type { Sql } from '../ports/sql.ts';
import { createPostgresFileStore } from './postgres/postgres-file-store.ts';
import type { S3FileStoreOptions } from './s3/s3-file-store.ts';

/**
 * The store that `sluice_settings.files` names. The SDK of S3 is loaded only by who uses it: it takes its time, and
 * megabytes.
 *
 * @param s3 null: PostgreSQL
 */
export async function openFileStore(s3: S3FileStoreOptions | null, sql: Sql): Promise<FileStore> {
  if (s3 === null) return createPostgresFileStore(sql);
  const { openS3FileStore } = await import('./s3/s3-file-store.ts');
  return openS3FileStore(s3);
}
