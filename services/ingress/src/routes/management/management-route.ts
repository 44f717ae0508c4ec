import type { RequestHandler } from 'express';

export interface ManagementRoute {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  readonly path: string;
  readonly handler: RequestHandler;
}
