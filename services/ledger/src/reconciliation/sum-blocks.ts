import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** What the blocks of a day say was booked. */
export interface BlockSums {
  readonly day: string;
  readonly rows: number;
  /** Rows of requests that were never admitted. */
  readonly refusals: number;
  readonly costNanoUsd: string;
  /** Those of the above from before the chain: when nobody counted admissions yet. */
  readonly openingRows: number;
  readonly openingRefusals: number;
}

/** By day of admission, for `from ≤ day < to`; days without blocks are left out. */
export async function sumBlocks(sql: Sql, { from, to }: { from: string; to: string }): Promise<BlockSums[]> {
  const { rows } = await sql.query(
    `select to_char(day, 'YYYY-MM-DD') as day, sum(rows)::text as rows, sum(refusals)::text as refusals,
       sum(cost_nano_usd)::text as cost, coalesce(sum(rows) filter (where id = 0), 0)::text as opening_rows,
       coalesce(sum(refusals) filter (where id = 0), 0)::text as opening_refusals
     from ledger.chain_blocks
     where day >= $1::date and day < $2::date
     group by chain_blocks.day
     order by chain_blocks.day`,
    [from, to],
  );
  return z.array(Row).parse(rows);
}

const Row = z
  .object({
    day: z.string(),
    rows: z.coerce.number<string>(),
    refusals: z.coerce.number<string>(),
    cost: z.string(),
    opening_rows: z.coerce.number<string>(),
    opening_refusals: z.coerce.number<string>(),
  })
  .transform((row): BlockSums => ({
    day: row.day,
    rows: row.rows,
    refusals: row.refusals,
    costNanoUsd: row.cost,
    openingRows: row.opening_rows,
    openingRefusals: row.opening_refusals,
  }));
