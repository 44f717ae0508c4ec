import { decodeEntity } from '../../sql/entity-table.ts';
import { Batch, unfinished } from '../batch.ts';

/** As text, so that the partial indexes of unfinished batches serve it. */
export const isUnfinished = `status in (${unfinished.map((status) => `'${status}'`).join(', ')})`;

/** A row of `ingress.batches`; columns of a newer schema are dropped. */
export function batchOf(row: unknown): Batch {
  return decodeEntity({ schema: Batch }, row);
}

/** The first of the rows, if there is one. */
export function firstBatch(rows: readonly unknown[]): Batch | null {
  return rows.length === 0 ? null : batchOf(rows[0]);
}
