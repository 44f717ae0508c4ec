import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import type { ManagementDeps } from '../management-deps.ts';

/**
 * POST /key/health. That a key is answered at all says that it exists, has not expired and is not blocked, and neither is
 * its team. Keys have no logging of their own (`metadata.logging` is refused), so there is none that could be broken.
 */
export function keyHealth({ authenticate }: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    res.json({ key: 'healthy', logging_callbacks: null });
  };
}
