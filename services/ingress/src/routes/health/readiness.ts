import type { Readiness } from '@sluice/shared/readiness.ts';
import type { RequestHandler } from 'express';

/** GET /health/readiness. No key. 200 only when this process can do its job; 503 names what it waits for. */
export function readiness({ check }: { check: () => Promise<Readiness> }): RequestHandler {
  return async (_req, res) => {
    const { ready, parts } = await check();
    const db = parts['postgres'] === 'ok' ? 'connected' : 'Not connected';
    res.status(ready ? 200 : 503).json({ status: ready ? 'healthy' : 'unhealthy', db, parts });
  };
}
