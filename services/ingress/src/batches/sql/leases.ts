import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { count, time } from '../../sql/columns.ts';
import { batchStatuses } from '../batch.ts';
import type { Batch, HeldBatch } from '../batch.ts';
import { batchOf, isUnfinished } from './batch-row.ts';

/** A runner that has not renewed for so long has lost its batches. */
export const leaseMs = 5_000;

const isFree = `(lease_until is null or lease_until < now())`;
const newLease = `now() + interval '${leaseMs} milliseconds'`;

/**
 * Takes batches that nobody has, by the database's clock: the oldest first, but of each owner only as many as of the
 * others, those that run already included. No owner gets more of a runner than stays free for others: what runs may
 * take a day, and whoever comes with ten lines is not to wait for it.
 *
 * @param max taken now
 * @param free how many more the runner may have
 */
export async function claimBatches(sql: Sql, runner: string, max: number, free: number): Promise<readonly Batch[]> {
  const { rows } = await sql.query(
    `with held as (
       select owner, count(*) as batches, count(*) filter (where runner = $1) as mine from ingress.batches
       where ${isUnfinished} and lease_until >= now()
       group by owner
     ),
     waiting as (
       select batch_id, created_at,
         coalesce(held.batches, 0) + row_number() over (partition by owner order by created_at, batch_id) as turn,
         coalesce(held.mine, 0) + row_number() over (partition by owner order by created_at, batch_id) as mine
       from ingress.batches left join held using (owner)
       where ${isUnfinished} and ${isFree}
     ),
     taken as (
       select batch_id from ingress.batches
       where ${isUnfinished} and ${isFree}
         and batch_id in (
           select batch_id from waiting where mine <= $3 order by turn, created_at, batch_id limit $2
         )
       for update skip locked
     )
     update ingress.batches as batch
     set runner = $1, lease_until = ${newLease}, lease_epoch = lease_epoch + 1
     from taken where batch.batch_id = taken.batch_id
     returning batch.*`,
    [runner, max, free],
  );
  return rows.map(batchOf);
}

const RenewedRow = z.object({
  batch_id: z.string(),
  lease_epoch: count,
  status: z.enum(batchStatuses),
  expires_at: time,
});

/** What a runner learns of a batch that it still has. */
export type Renewed = Pick<Batch, 'batchId' | 'leaseEpoch' | 'status' | 'expiresAt'>;

/** @returns those that are still the runner's */
export async function renewLeases(sql: Sql, held: readonly HeldBatch[]): Promise<readonly Renewed[]> {
  const { rows } = await sql.query(
    `update ingress.batches as batch set lease_until = ${newLease}
     from unnest($1::text[], $2::bigint[]) as mine (batch_id, lease_epoch)
     where batch.batch_id = mine.batch_id and batch.lease_epoch = mine.lease_epoch and ${isUnfinished}
     returning batch.batch_id, batch.lease_epoch, batch.status, batch.expires_at`,
    byColumn(held),
  );
  return rows.map((row) => {
    const { batch_id: batchId, lease_epoch: leaseEpoch, status, expires_at: expiresAt } = RenewedRow.parse(row);
    return { batchId, leaseEpoch, status, expiresAt };
  });
}

/** Another runner may take them at once. */
export async function giveBackLeases(sql: Sql, held: readonly HeldBatch[]): Promise<void> {
  await sql.query(
    `update ingress.batches as batch set lease_until = null, runner = null
     from unnest($1::text[], $2::bigint[]) as mine (batch_id, lease_epoch)
     where batch.batch_id = mine.batch_id and batch.lease_epoch = mine.lease_epoch`,
    byColumn(held),
  );
}

function byColumn(held: readonly HeldBatch[]) {
  return [held.map(({ batchId }) => batchId), held.map(({ leaseEpoch }) => leaseEpoch)];
}
