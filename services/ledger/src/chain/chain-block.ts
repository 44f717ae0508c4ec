import { createHash } from 'node:crypto';
import { z } from 'zod';

/** A block of `ledger.chain_blocks`, as it is stored. Days are `YYYY-MM-DD`, UTC; hashes 64 hex digits. */
export const ChainBlock = z
  .object({
    day: z.string(),
    seq: z.coerce.number<string>(),
    id: z.string(),
    form: z.int(),
    rows: z.coerce.number<string>(),
    refusals: z.coerce.number<string>(),
    cost_nano_usd: z.string(),
    rows_hash: z.string(),
    previous_day: z.string().nullable(),
    previous_seq: z.coerce.number<string>().nullable(),
    previous_hash: z.string().nullable(),
    hash: z.string(),
    booked_at_us: z.string(),
  })
  .transform((row) => ({
    day: row.day,
    seq: row.seq,
    id: row.id,
    form: row.form,
    rows: row.rows,
    refusals: row.refusals,
    costNanoUsd: row.cost_nano_usd,
    rowsHash: row.rows_hash,
    previous:
      row.previous_day === null || row.previous_seq === null || row.previous_hash === null
        ? null
        : { day: row.previous_day, seq: row.previous_seq, hash: row.previous_hash },
    hash: row.hash,
    bookedAtUs: row.booked_at_us,
  }));
export type ChainBlock = z.infer<typeof ChainBlock>;

/** The same as `ledger.chain_block_hash` of the migration: of whatever the block says of itself. */
export function chainBlockHash(block: ChainBlock): string {
  const { previous } = block;
  const said = [
    'sluice chain 1',
    block.day,
    block.seq,
    block.id,
    block.form,
    block.rows,
    block.refusals,
    block.costNanoUsd,
    block.rowsHash,
    previous?.day ?? '',
    previous?.seq ?? '',
    previous?.hash ?? '',
    block.bookedAtUs,
  ];
  return createHash('sha256').update(said.join('|')).digest('hex');
}
