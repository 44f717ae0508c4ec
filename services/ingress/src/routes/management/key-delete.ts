import { KeyDeleteRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { hashOf } from '../../auth/hash-key.ts';
import { authorize } from '../../auth/authorize.ts';
import { parseManagementBody } from '../../http/parse-body.ts';
import { requireRight } from '../../tenancy/scope.ts';
import type { ManagementDeps } from './management-deps.ts';

/** POST /key/delete. All of the named keys, or none when one does not exist. What they spent stays in the books. */
export function keyDelete({ authenticate, keys, scopeOf, invalidate }: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const request = parseManagementBody(KeyDeleteRequest, req.body);
    const named = request.keys ?? [];
    const aliases = request.key_aliases ?? [];
    if (named.length + aliases.length === 0) {
      throw new GatewayError('invalid_management_request', 'Name the keys to delete: keys or key_aliases.', {
        param: 'keys',
      });
    }

    if (!scope.all) {
      const found = await Promise.all(aliases.map((alias) => keys.findByAlias(alias)));
      const mine = [...(await keys.findMany(named.map(hashOf))).values(), ...found];
      for (const key of mine) if (key !== null) requireRight(scope, key, req.path);
    }
    const { deleted, missing } = await keys.delete({ hashes: named.map(hashOf), aliases });
    if (missing.length > 0) {
      const text = `Key not found in database; ${missing.length} of the named keys do not exist, and none was deleted.`;
      throw new GatewayError('not_found', text, { param: 'keys' });
    }
    deleted.forEach(invalidate);
    res.json({ deleted_keys: [...named, ...aliases] });
  };
}
