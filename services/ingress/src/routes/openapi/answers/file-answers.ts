import { z } from 'zod';
import { pageOf } from './page-of.ts';

export const FileObject = z.object({
  id: z.string().describe('`file-` and 32 hexadecimal digits.'),
  object: z.literal('file'),
  bytes: z.int(),
  created_at: z.int().describe('Seconds since 1970.'),
  expires_at: z.int().nullable().describe('null: kept until it is deleted.'),
  filename: z.string(),
  purpose: z.string().describe('batch, user_data, or batch_output for what a batch has written.'),
  status: z.literal('processed'),
  status_details: z.null(),
});

export const FileList = pageOf(FileObject);

export const FileDeleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });
