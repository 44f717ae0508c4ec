import { KeyBlockRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { administers } from '../../../tenancy/scope.ts';
import { keyChange } from './audited-key.ts';
import { findKey, keyHashOf } from './find-key.ts';
import { invalidateKey } from './invalidate-key.ts';
import { keyInfoOf } from './key-info-of.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { keyNotFound } from '../refusals.ts';
import { vouchingOf } from './vouching.ts';

/** POST /key/block. The key is refused everywhere within a second, until it is unblocked. */
export function keyBlock(deps: ManagementDeps): RequestHandler {
  return setBlocked(deps, true);
}

/** Behind /key/block and /key/unblock. */
export function setBlocked(deps: ManagementDeps, blocked: boolean): RequestHandler {
  const { authenticate, keys: stored, changes, scopeOf, now } = deps;
  return async (req, res) => {
    const operator = authorize(await authenticate(req), req.path);
    const hash = keyHashOf(parseManagementBody(KeyBlockRequest, req.body).key);
    const scope = await scopeOf(operator);
    // For administrators, of a team too: whoever could block a key of their own could also unblock it.
    if (!scope.all && !administers(scope, await findKey(stored, hash))) {
      throw new GatewayError(
        'route_not_allowed',
        `Only an administrator of its team may call ${req.path} for this key.`,
      );
    }

    const key = await changes.run(operator, req, async (sql, record) => {
      const keys = virtualKeysIn(sql);
      const [before = null] = await keys.lock({ hashes: [hash] });
      const vouching = vouchingOf(operator, before, { blocked });
      const after = await keys.setBlocked(
        hash,
        { blocked, ...vouching },
        { userId: operator.caller.userId, now: now() },
      );
      if (after === null) throw keyNotFound();
      await record(keyChange(blocked ? 'blocked' : 'unblocked', { before, after }));
      return after;
    });
    invalidateKey(key, deps);
    res.json({ ...(await keyInfoOf(key, deps)), token: hash });
  };
}
