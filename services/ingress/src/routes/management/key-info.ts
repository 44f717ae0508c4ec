import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Authenticated } from '../../auth/authenticated.ts';
import { hashOf } from '../../auth/hash-key.ts';
import { seesAll } from '../../auth/require-admin.ts';
import { parseQuery } from '../../http/parse-body.ts';
import { keyInfoOf } from './key-info-of.ts';
import type { ManagementDeps } from './management-deps.ts';
import { keyNotFound } from './refusals.ts';
import { findKey } from './find-key.ts';

/** GET /key/info. Without `key`, the caller's own; a virtual key sees no other. */
export function keyInfo(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys } = deps;
  return async (req, res) => {
    const authenticated = await authenticate(req);
    const { key: asked } = parseQuery(KeyInfoQuery, req.query);
    const name = asked ?? ownKeyOf(authenticated);
    requireOwn(authenticated, name);

    const key = await findKey(keys, name);
    res.json({ key: name, info: await keyInfoOf(key, deps) });
  };
}

const KeyInfoQuery = z.object({ key: z.string().optional() });

function ownKeyOf(authenticated: Authenticated): string {
  if (authenticated.key === null) throw keyNotFound(); // the master key is not in the database
  return authenticated.key.hash;
}

/** Says the same of a key that does not exist: which ones do is nobody else's business. */
function requireOwn(authenticated: Authenticated, name: string): void {
  if (seesAll(authenticated) || hashOf(name) === authenticated.key?.hash) return;
  const message = `You are not allowed to access this key's info. Your role=${authenticated.role}`;
  throw new GatewayError('route_not_allowed', message);
}
