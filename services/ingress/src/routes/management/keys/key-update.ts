import { KeyUpdateRequest, type KeyFields } from '@sluice/shared/api/litellm/key.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import type { Request, RequestHandler } from 'express';
import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import { authorize } from '../../../auth/authorize.ts';
import { ManagementValidationError, parseManagementBody } from '../../../http/parse-body.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import { keyChange } from './audited-key.ts';
import { findKey, keyHashOf } from './find-key.ts';
import { ownersHolder, requireTeamsOrganization } from './hold-owners.ts';
import { invalidateKey } from './invalidate-key.ts';
import { changesOf } from './key-changes.ts';
import { keyInfoOf } from './key-info-of.ts';
import { requireKeyRight } from './key-rights.ts';
import { requireAliasRules, requireWithinBounds } from './key-rules.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { aliasTaken, budgetNotFound, keyNotFound } from '../refusals.ts';
import { refuseUnsupported } from '../unsupported-fields.ts';
import { refuseServiceAccountId } from './service-account-id.ts';
import { vouchingOf } from './vouching.ts';

/** POST /key/update. Changes only what the body names. */
export function keyUpdate(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys, scopeOf } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { key: named, ...asked } = parseManagementBody(KeyUpdateRequest, req.body);
    refuseUnsupported(req.body, { isNew: false });
    const hash = await hashFor(named, asked.key_alias);
    const fields = named == null ? { ...asked, key_alias: undefined } : asked; // it has only said which key
    const scope = await scopeOf(authenticated);
    const updated = await updateKey(deps, req, { authenticated, scope, hash, fields });
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

export interface KeyUpdate {
  readonly authenticated: Authenticated;
  readonly scope: Scope;
  readonly hash: KeyHash;
  readonly fields: KeyFields;
}

/**
 * Changes one key, if the caller may, with its line in the audit log.
 *
 * @throws GatewayError for what may not be, and then nothing is changed
 */
export async function updateKey(
  deps: ManagementDeps,
  req: Request,
  { authenticated, scope, hash, fields }: KeyUpdate,
): Promise<VirtualKey> {
  const { keys, changes: administration, keySettings, now } = deps;
  const changes = changesOf(fields, now(), deps);
  requireAliasRules(fields.key_alias, keySettings);
  if (!scope.all) {
    requireWithinBounds(fields, keySettings);
    await requireKeyRight({ authenticated, scope, route: '/key/update' }, await findKey(keys, hash), changes, deps);
  }
  const holdOwners = await ownersHolder(changes, { team: !scope.all, organization: !scope.all }, deps);

  const updated = await administration.run(authenticated, req, async (sql, record) => {
    await holdOwners(sql);
    const [before = null] = await virtualKeysIn(sql).lock({ hashes: [hash] });
    const by = { userId: authenticated.caller.userId, now: now() };
    refuseServiceAccountId(changes.metadata, before?.metadata);
    const vouching = vouchingOf(authenticated, before, changes);
    const after = await virtualKeysIn(sql).update(hash, { ...changes, ...vouching }, by);
    if (after === 'alias-taken') throw aliasTaken(fields.key_alias);
    if (after === 'no-budget') throw budgetNotFound(changes.budgetId);
    if (after === null || after === 'key-taken') throw keyNotFound();
    await requireTeamsOrganization(sql, after, changes);
    await record(keyChange('updated', { before, after }));
    return after;
  });
  invalidateKey(updated, deps);
  return updated;
}
