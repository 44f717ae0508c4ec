import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { shownBatch } from '../../../batches/shown-batch.ts';
import { findBatch } from '../../../batches/sql/find-batch.ts';
import { listBatches } from '../../../batches/sql/list-batches.ts';
import { ownerOf } from '../../../files/owner.ts';
import { parseBody } from '../../../http/parse-body.ts';
import { shownPage } from '../shown-page.ts';
import type { BatchesDeps } from './batches-deps.ts';
import { isBatchId } from './one-batch.ts';

export const BatchesQuery = z.object({
  after: z.string().max(100).optional(),
  limit: queryInteger({ min: 1, max: 100 }).default(20),
});

/** GET /v1/batches: the caller's, the latest first. */
export function listBatchesRoute({ authenticate, sql, now }: BatchesDeps): RequestHandler {
  return async (req, res) => {
    const owner = ownerOf(await authenticate(req));
    const { after: afterId, limit } = parseBody(BatchesQuery, req.query);
    const after = afterId !== undefined && isBatchId(afterId) ? await findBatch(sql, owner, afterId) : null;
    if (afterId !== undefined && after === null) {
      throw new GatewayError('invalid_request', `No batch found with id '${afterId}'.`, { param: 'after' });
    }
    const { batches, hasMore } = await listBatches(sql, owner, { after, limit });
    const shown = batches.map((batch) => shownBatch(batch, now()));
    res.json(shownPage(shown, hasMore));
  };
}
