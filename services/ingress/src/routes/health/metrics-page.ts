import type { RequireMetricsAccess } from '@sluice/shared/metrics-access.ts';
import type { RequestHandler } from 'express';

/** GET /metrics in Prometheus text format. Model and key names are nobody else's business. */
export function metricsPage(deps: {
  readonly requireMetricsAccess: RequireMetricsAccess;
  readonly metrics: () => Promise<string>;
}): RequestHandler {
  return async (req, res) => {
    await deps.requireMetricsAccess(req.headers, req.ip);
    res.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.metrics());
  };
}
