import { KeysInfoRequest } from '@sluice/shared/api/litellm/key.ts';
import type { RequestHandler } from 'express';
import { hashOf } from '../../../auth/hash-key.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { keyNotFound } from '../refusals.ts';
import { keyRowsOf } from './key-info-of.ts';

/** POST /v2/key/info. Those of the named keys that exist, each with its hash, in the order in which they are named. */
export function keysInfo(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await deps.authenticate(req), req.path);
    const { keys: named } = parseManagementBody(KeysInfoRequest, req.body);
    const hashes = named.map(hashOf);
    const known = await deps.keys.findMany(hashes);
    const found = [...new Set(hashes.flatMap((hash) => known.get(hash) ?? []))];
    if (found.length === 0) throw keyNotFound();
    res.json({ key: named, info: await keyRowsOf(found, deps) });
  };
}
