import type { RequestHandler } from 'express';
import type { BatchesDeps } from './batches-deps.ts';
import { createBatch } from './create-batch.ts';
import { listBatchesRoute } from './list-batches.ts';
import { cancelBatchRoute, retrieveBatch } from './one-batch.ts';

interface BatchRoute {
  readonly method: 'get' | 'post';
  /** Served with `/v1` before it too. */
  readonly path: string;
  readonly handler: RequestHandler;
  /** The handler reads it from `req.body`. */
  readonly hasBody?: true;
}

export function batchRoutes(deps: BatchesDeps): readonly BatchRoute[] {
  return [
    { method: 'post', path: '/batches', handler: createBatch(deps), hasBody: true },
    { method: 'get', path: '/batches', handler: listBatchesRoute(deps) },
    { method: 'get', path: '/batches/:id', handler: retrieveBatch(deps) },
    { method: 'post', path: '/batches/:id/cancel', handler: cancelBatchRoute(deps) },
  ];
}
