import type { Request, Response } from 'express';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import type { InferenceSteps } from '../../inference/inference-steps.ts';
import type { IngressMetrics } from '../../ingress-metrics.ts';

/** What the endpoints for inference are made of: the steps of a request's path, and what HTTP has before them. */
export interface InferenceDeps extends InferenceSteps {
  readonly authenticate: Authenticate;
  /** Reads the body into `req.body`, up to the largest there may be. */
  readonly readBytes: (req: Request, res: Response) => Promise<void>;
  readonly metrics: IngressMetrics;
}
