import type { RequestHandler } from 'express';

/** GET /health/liveness and /health/liveliness. No key: the process answers, or it does not. 503 while it drains. */
export function liveness({ isDraining }: { isDraining: () => boolean }): RequestHandler {
  return (_req, res) => {
    res.status(isDraining() ? 503 : 200).json("I'm alive!");
  };
}
