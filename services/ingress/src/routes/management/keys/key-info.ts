import { GatewayError } from '@sluice/shared/errors.ts';
import { KeyHash } from '@sluice/shared/ids.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import { hashOf } from '../../../auth/hash-key.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { mayFor } from '../../../tenancy/scope.ts';
import { keyInfoOf } from './key-info-of.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { keyNotFound } from '../refusals.ts';
import { findKey } from './find-key.ts';

/** GET /key/info. Without `key`, the caller's own; a virtual key sees no other. */
export function keyInfo(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys, scopeOf } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { key: asked } = parseQuery(KeyInfoQuery, req.query);
    const name = asked ?? ownKeyOf(authenticated);
    const key = await findOwn(authenticated, name, req.path);
    res.json({ key: name, info: await keyInfoOf(key, deps) });
  };

  /** Says the same of a key that does not exist: which ones do is nobody else's business. */
  async function findOwn(authenticated: Authenticated, name: string, route: string): Promise<VirtualKey> {
    const { key: own, role } = authenticated;
    if (own !== null && hashOf(name) === own.hash) return findKey(keys, name);
    const scope = await scopeOf(authenticated);
    if (scope.all) return findKey(keys, name);
    const hash = KeyHash.safeParse(hashOf(name));
    const key = role !== 'key' && hash.success ? await keys.find(hash.data) : null;
    if (key === null || !mayFor(scope, key, route)) throw mayNot(role);
    return key;
  }
}

export const KeyInfoQuery = z.object({ key: z.string().optional() });

function ownKeyOf(authenticated: Authenticated): string {
  if (authenticated.key === null) throw keyNotFound(); // the master key is not in the database
  return authenticated.key.hash;
}

const mayNot = (role: string) =>
  new GatewayError('route_not_allowed', `You are not allowed to access this key's info. Your role=${role}`);
