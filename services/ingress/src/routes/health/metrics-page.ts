import { createRequireMetricsAccess, type MetricsAccess } from '@sluice/shared/metrics-access.ts';
import type { RequestHandler } from 'express';

/** GET /metrics in Prometheus text format. Model and key names are nobody else's business. */
export function metricsPage(deps: {
  readonly metricsAccess: MetricsAccess;
  readonly metrics: () => Promise<string>;
}): RequestHandler {
  const requireMetricsAccess = createRequireMetricsAccess(deps.metricsAccess);
  return async (req, res) => {
    requireMetricsAccess(req.headers);
    res.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics());
  };
}
