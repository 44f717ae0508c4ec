import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { count } from '../../sql/columns.ts';
import type { NewBatchLine } from '../batch.ts';

const PendingRow = z.object({ line: z.int(), custom_id: z.string(), byte_offset: count, byte_length: z.int() });

/** Lines that have not ended, by number, from the one after `after`. */
export async function pendingLines(
  sql: Sql,
  batchId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly NewBatchLine[]> {
  const { rows } = await sql.query(
    `select line, custom_id, byte_offset, byte_length from ingress.batch_lines
     where batch_id = $1 and line > $2 and status_code is null
     order by line limit $3`,
    [batchId, after, limit],
  );
  return rows.map((row) => {
    const { line, custom_id: customId, byte_offset: byteOffset, byte_length: byteLength } = PendingRow.parse(row);
    return { line, customId, byteOffset, byteLength };
  });
}
