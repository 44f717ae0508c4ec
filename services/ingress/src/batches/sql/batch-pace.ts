import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { Batch } from '../batch.ts';

/** What batches like another one have been like lately; null: there was none. */
export interface BatchPace {
  /** Of whoever's batches with this model and endpoint. */
  readonly linesPerSecond: number | null;
  /** Of this owner's, each line that was answered. */
  readonly outputTokensPerLine: number | null;
}

/** How fast lines of a model have gone since a moment, and how much they wrote. */
export async function findBatchPace(
  sql: Sql,
  { owner, endpoint, model }: Pick<Batch, 'owner' | 'endpoint'> & { readonly model: string },
  { since, now }: { readonly since: number; readonly now: number },
): Promise<BatchPace> {
  const { rows } = await sql.query(
    `select
       sum(completed_lines + failed_lines)
         / nullif(sum(extract(epoch from
             coalesce(finalizing_at, cancelling_at, expired_at, $5::timestamptz) - in_progress_at)), 0) as lines_per_second,
       sum(output_tokens) filter (where owner = $1)
         / nullif(sum(completed_lines) filter (where owner = $1), 0) as output_tokens_per_line
     from ingress.batches
     where model = $2 and endpoint = $3 and in_progress_at >= $4 and completed_lines > 0`,
    [owner, model, endpoint, new Date(since), new Date(now)],
  );
  const { lines_per_second: linesPerSecond, output_tokens_per_line: outputTokensPerLine } = PaceRow.parse(rows[0]);
  return { linesPerSecond, outputTokensPerLine };
}

/** `numeric` comes as text. */
const average = z
  .string()
  .nullable()
  .transform((text) => (text === null ? null : Number(text)));
const PaceRow = z.object({ lines_per_second: average, output_tokens_per_line: average });
