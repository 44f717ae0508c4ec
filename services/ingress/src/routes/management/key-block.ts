import { KeyBlockRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../auth/authorize.ts';
import { parseManagementBody } from '../../http/parse-body.ts';
import { administers } from '../../tenancy/scope.ts';
import { findKey, keyHashOf } from './find-key.ts';
import { keyInfoOf } from './key-info-of.ts';
import type { ManagementDeps } from './management-deps.ts';
import { keyNotFound } from './refusals.ts';

/** POST /key/block. The key is refused everywhere within a second, until it is unblocked. */
export function keyBlock(deps: ManagementDeps): RequestHandler {
  return setBlocked(deps, true);
}

/** Behind /key/block and /key/unblock. */
export function setBlocked(deps: ManagementDeps, blocked: boolean): RequestHandler {
  const { authenticate, keys, scopeOf, now, invalidate } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { caller } = authenticated;
    const hash = keyHashOf(parseManagementBody(KeyBlockRequest, req.body).key);
    const scope = await scopeOf(authenticated);
    // For administrators, of a team too: whoever could block a key of their own could also unblock it.
    if (!scope.all && !administers(scope, await findKey(keys, hash))) {
      throw new GatewayError(
        'route_not_allowed',
        `Only an administrator of its team may call ${req.path} for this key.`,
      );
    }

    const key = await keys.setBlocked(hash, blocked, { userId: caller.userId, now: now() });
    if (key === null) throw keyNotFound();
    invalidate(hash);
    res.json({ ...(await keyInfoOf(key, deps)), token: hash });
  };
}
