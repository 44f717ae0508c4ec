import { KeyDeleteRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { hashOf } from '../../../auth/hash-key.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { requireRight } from '../../../tenancy/scope.ts';
import { keyChange } from './audited-key.ts';
import { invalidateKey } from './invalidate-key.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** POST /key/delete. All of the named keys, or none when one does not exist. What they spent stays in the books. */
export function keyDelete(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, changes } = deps;
  return async (req, res) => {
    const operator = authorize(await authenticate(req), req.path);
    const scope = await scopeOf(operator);
    const request = parseManagementBody(KeyDeleteRequest, req.body);
    const named = request.keys ?? [];
    const aliases = request.key_aliases ?? [];
    if (named.length + aliases.length === 0) {
      throw new GatewayError('invalid_management_request', 'Name the keys to delete: keys or key_aliases.', {
        param: 'keys',
      });
    }

    const chosen = { hashes: named.map(hashOf), aliases };
    const deleted = await changes.run(operator, req, async (sql, record) => {
      const keys = virtualKeysIn(sql);
      const before = await keys.lock(chosen);
      if (!scope.all) for (const key of before) requireRight(scope, key, req.path);
      const { missing } = await keys.delete(chosen);
      if (missing.length > 0) {
        const text = `Key not found in database; ${missing.length} of the named keys do not exist, and none was deleted.`;
        throw new GatewayError('not_found', text, { param: 'keys' });
      }
      for (const key of before) await record(keyChange('deleted', { before: key, after: null }));
      return before;
    });
    for (const key of deleted) invalidateKey(key, deps);
    res.json({ deleted_keys: [...named, ...aliases] });
  };
}
