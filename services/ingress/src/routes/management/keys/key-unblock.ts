import type { RequestHandler } from 'express';
import { setBlocked } from './key-block.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** POST /key/unblock. */
export function keyUnblock(deps: ManagementDeps): RequestHandler {
  return setBlocked(deps, false);
}
