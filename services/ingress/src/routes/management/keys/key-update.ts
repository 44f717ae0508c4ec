import { KeyUpdateRequest } from '@sluice/shared/api/litellm/key.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { ManagementValidationError, parseManagementBody } from '../../../http/parse-body.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { keyChange } from './audited-key.ts';
import { findKey, keyHashOf } from './find-key.ts';
import { changesOf } from './key-changes.ts';
import { keyInfoOf } from './key-info-of.ts';
import { requireKeyRight } from './key-rights.ts';
import { requireWithinBounds } from './key-rules.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { aliasTaken, budgetNotFound, keyNotFound } from '../refusals.ts';
import { refuseUnsupported } from '../unsupported-fields.ts';

/** POST /key/update. Changes only what the body names. */
export function keyUpdate(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys, changes: administration, keySettings, scopeOf, now, invalidate } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { caller } = authenticated;
    const { key: named, ...fields } = parseManagementBody(KeyUpdateRequest, req.body);
    refuseUnsupported(req.body, { isNew: false });
    const changes = changesOf(fields, now());
    const hash = await hashFor(named, fields.key_alias);
    const scope = await scopeOf(authenticated);
    if (!scope.all) {
      requireWithinBounds(fields, keySettings);
      await requireKeyRight({ authenticated, scope, route: req.path }, await findKey(keys, hash), changes, deps);
    }

    const updated = await administration.run(authenticated, req, async (sql, record) => {
      const [before = null] = await virtualKeysIn(sql).lock({ hashes: [hash] });
      const by = { userId: caller.userId, now: now() };
      const after = await virtualKeysIn(sql).update(hash, changes, by);
      if (after === 'alias-taken') throw aliasTaken(fields.key_alias);
      if (after === 'no-budget') throw budgetNotFound(changes.budgetId);
      if (after === null || after === 'key-taken') throw keyNotFound();
      await record(keyChange('updated', { before, after }));
      return after;
    });
    invalidate(hash);
    res.json({ ...(await keyInfoOf(updated, deps)), token: hash, key: named ?? hash });
  };

  async function hashFor(named: string | null | undefined, keyAlias: string | null | undefined): Promise<KeyHash> {
    if (named !== null && named !== undefined) return keyHashOf(named);
    if (keyAlias === null || keyAlias === undefined) throw new ManagementValidationError([keyMissing]);
    const key = await keys.findByAlias(keyAlias);
    if (key === null) throw keyNotFound();
    return key.hash;
  }
}

const keyMissing = { type: 'missing', loc: ['body', 'key'], msg: 'Field required', input: null };
