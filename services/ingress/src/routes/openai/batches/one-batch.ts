import type { Request, RequestHandler } from 'express';
import type { Batch } from '../../../batches/batch.ts';
import { shownBatch } from '../../../batches/shown-batch.ts';
import { cancelBatch } from '../../../batches/sql/cancel-batch.ts';
import { findBatch } from '../../../batches/sql/find-batch.ts';
import { ownerOf } from '../../../files/owner.ts';
import type { BatchesDeps } from './batches-deps.ts';
import { batchNotFound, batchOver } from './refusals.ts';

/** GET /v1/batches/{id} */
export function retrieveBatch(deps: BatchesDeps): RequestHandler {
  return async (req, res) => {
    res.json(shownBatch(await requireBatch(req, deps), deps.now()));
  };
}

/** POST /v1/batches/{id}/cancel. Asked again while it is being cancelled, it changes nothing. */
export function cancelBatchRoute(deps: BatchesDeps): RequestHandler {
  return async (req, res) => {
    const { owner, batchId } = await requireBatch(req, deps);
    const now = deps.now();
    const cancelled = await cancelBatch(deps.sql, owner, batchId, now);
    const batch = cancelled ?? (await requireBatch(req, deps));
    if (cancelled === null && batch.status !== 'cancelling') throw batchOver(batch);
    res.json(shownBatch(batch, now));
  };
}

/** The batch that the path names. @throws GatewayError not_found, also when it is not the caller's */
async function requireBatch(req: Request, { authenticate, sql }: BatchesDeps): Promise<Batch> {
  const owner = ownerOf(await authenticate(req));
  const id = typeof req.params['id'] === 'string' ? req.params['id'] : '';
  const batch = isBatchId(id) ? await findBatch(sql, owner, id) : null;
  if (batch === null) throw batchNotFound(id);
  return batch;
}

/** Looked at before the database is asked: it refuses some texts, such as U+0000. */
export function isBatchId(text: string): boolean {
  return /^batch_[0-9a-f]{32}$/.test(text);
}
