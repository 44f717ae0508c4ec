import { KeyBlockRequest } from '@sluice/shared/api/litellm/key.ts';
import type { RequestHandler } from 'express';
import { requireAdmin } from '../../auth/require-admin.ts';
import { parseManagementBody } from '../../http/parse-body.ts';
import { virtualKeysIn } from '../../sql/virtual-keys.ts';
import { keyChange } from './audited-key.ts';
import { keyHashOf } from './find-key.ts';
import { keyInfoOf } from './key-info-of.ts';
import type { ManagementDeps } from './management-deps.ts';
import { keyNotFound } from './refusals.ts';

/** POST /key/block. The key is refused everywhere within a second, until it is unblocked. */
export function keyBlock(deps: ManagementDeps): RequestHandler {
  return setBlocked(deps, true);
}

/** Behind /key/block and /key/unblock. */
export function setBlocked(deps: ManagementDeps, blocked: boolean): RequestHandler {
  const { authenticate, changes, now, invalidate } = deps;
  return async (req, res) => {
    const operator = requireAdmin(await authenticate(req), req.path);
    const hash = keyHashOf(parseManagementBody(KeyBlockRequest, req.body).key);

    const key = await changes.run(operator, req, async (sql, record) => {
      const keys = virtualKeysIn(sql);
      const [before = null] = await keys.lock({ hashes: [hash] });
      const after = await keys.setBlocked(hash, blocked, { userId: operator.caller.userId, now: now() });
      if (after === null) throw keyNotFound();
      await record(keyChange(blocked ? 'blocked' : 'unblocked', { before, after }));
      return after;
    });
    invalidate(hash);
    res.json({ ...(await keyInfoOf(key, deps)), token: hash });
  };
}
