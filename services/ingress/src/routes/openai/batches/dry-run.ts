import { setTimeout } from 'node:timers/promises';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Response } from 'express';
import type { Batch, NewBatch } from '../../../batches/batch.ts';
import { shownDryRun } from '../../../batches/shown-batch.ts';
import { deleteDryRun, deleteDryRunsBefore, findDryRun } from '../../../batches/sql/dry-runs.ts';
import { insertBatch } from '../../../batches/sql/insert-batch.ts';
import type { BatchesDeps } from './batches-deps.ts';
import { tooMany } from './refusals.ts';

/** For a runner to check the file. */
const checkMs = 60_000;
const lookEveryMs = 200;
/** Dry runs that one ingress waits for at a time; each asks the database a few times a second. */
const waitingMax = 100;

/**
 * Has a runner check and estimate a batch that is never run, and waits for that.
 *
 * @throws GatewayError deadline_exceeded when none has within a minute, overloaded, too_many_batches
 */
export function createDryRun({ sql, settings, now }: BatchesDeps) {
  let waiting = 0;
  return async (batch: NewBatch, res: Response) => {
    if (waiting >= waitingMax) {
      throw new GatewayError('overloaded', 'Many dry runs are being checked. Try again in a moment.', {
        retryAfterSeconds: 5,
      });
    }
    waiting += 1;
    try {
      await deleteDryRunsBefore(sql, batch.createdAt - 2 * checkMs);
      const stored = await sql.transaction((tx) => insertBatch(tx, batch, settings.maxUnfinished));
      if (stored === null) throw tooMany({ settings });
      return shownDryRun(await checked(batch, res));
    } finally {
      waiting -= 1;
      await deleteDryRun(sql, batch.batchId);
    }
  };

  async function checked({ batchId, createdAt }: NewBatch, res: Response): Promise<Batch> {
    while (!res.destroyed && now() < createdAt + checkMs) {
      const batch = await findDryRun(sql, batchId);
      if (batch === null) break;
      if (batch.status !== 'validating') return batch;
      await setTimeout(lookEveryMs);
    }
    const message = `The file could not be checked within ${checkMs / 1_000} seconds: no batch runner had time for it.`;
    throw new GatewayError('deadline_exceeded', message, { retryAfterSeconds: 60 });
  }
}
