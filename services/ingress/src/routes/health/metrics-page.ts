import type { RequestHandler } from 'express';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import { authorize } from '../../auth/authorize.ts';

/** GET /metrics in Prometheus text format. Model and key names are nobody else's business: the master key only. */
export function metricsPage(deps: { authenticate: Authenticate; metrics: () => Promise<string> }): RequestHandler {
  return async (req, res) => {
    authorize(await deps.authenticate(req), req.path);
    res.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics());
  };
}
