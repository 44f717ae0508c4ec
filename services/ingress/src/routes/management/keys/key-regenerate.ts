import { KeyRegenerateRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import { addDuration } from '@sluice/shared/time/duration.ts';
import type { RequestHandler } from 'express';
import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import { authorize } from '../../../auth/authorize.ts';
import { hashKey } from '../../../auth/hash-key.ts';
import { maskKey } from '../../../auth/mask-key.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { durationOf, refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { aliasTaken, budgetNotFound, keyNotFound, keyTaken } from '../refusals.ts';
import { refuseUnsupported } from '../unsupported-fields.ts';
import { keyChange } from './audited-key.ts';
import { chosenKey } from './chosen-key.ts';
import { findKey, keyHashOf } from './find-key.ts';
import { ownersHolder, requireTeamsOrganization } from './hold-owners.ts';
import { invalidateKey } from './invalidate-key.ts';
import { changesOf } from './key-changes.ts';
import { factsOf, infoOf } from './key-info-of.ts';
import { requireKeyRight } from './key-rights.ts';
import { requireAliasRules, requireWithinBounds } from './key-rules.ts';
import { madeKeyOf } from './made-key-of.ts';
import { refuseServiceAccountId } from './service-account-id.ts';
import { vouchesFor, vouchingOf } from './vouching.ts';

/** As rights name it: the path itself may hold a key. */
const route = '/key/regenerate';

/**
 * POST /key/regenerate and /key/{key}/regenerate. The same key under a new secret: what it may, what it has spent and
 * its history stay, and so do the requests and budgets that it has under way. The new key is in this answer and nowhere
 * else.
 */
export function keyRegenerate(deps: ManagementDeps): RequestHandler {
  const {
    authenticate,
    keys: stored,
    changes: administration,
    keySettings,
    scopeOf,
    windows,
    now,
    newKey,
    invalidate,
  } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), route);
    const request = parseManagementBody(KeyRegenerateRequest, req.body);
    const { key: named, new_key: chosen, new_master_key: newMasterKey, grace_period: grace, ...fields } = request;
    if (newMasterKey != null && newMasterKey !== '') throw masterKeyStays();
    refuseUnsupported(req.body, { isNew: false });
    const oldHash = hashFrom(req.params['key'], named);
    const before = await findKey(stored, oldHash);

    const time = now();
    const changes = changesOf(fields, time, deps);
    const gracePeriod = durationOf('grace_period', grace ?? null);
    const oldValidUntil = gracePeriod === null ? time : addDuration(time, gracePeriod);
    const rawKey = chosenKey('new_key', chosen) ?? newKey();
    const hash = hashKey(rawKey);
    requireAliasRules(fields.key_alias, keySettings);
    const scope = await scopeOf(authenticated);
    if (!scope.all) {
      requireWithinBounds(fields, keySettings);
      await requireKeyRight({ authenticated, scope, route }, before, changes, deps);
      requireSecretRight(authenticated, before);
    }
    const holdOwners = await ownersHolder(changes, { team: !scope.all, organization: !scope.all }, deps);

    const [facts] = await factsOf([{ ...before, ...changes }], deps); // first: a failure must not swallow the new key

    const after = await administration.run(authenticated, req, async (sql, record) => {
      await holdOwners(sql);
      const keys = virtualKeysIn(sql);
      const [locked = null] = await keys.lock({ hashes: [oldHash] });
      const outcome = await keys.replace(oldHash, { hash, keyName: maskKey(rawKey), oldValidUntil });
      if (outcome === 'no-key') throw keyNotFound();
      if (outcome === 'key-taken') throw keyTaken(rawKey);
      refuseServiceAccountId(changes.metadata, locked?.metadata);
      const vouching = vouchingOf(authenticated, locked, changes, { isNewSecret: true });
      const by = { userId: authenticated.caller.userId, now: time };
      const updated = await keys.update(hash, { ...changes, ...vouching }, by);
      if (updated === 'alias-taken') throw aliasTaken(fields.key_alias);
      if (updated === 'no-budget') throw budgetNotFound(changes.budgetId);
      if (updated === null || updated === 'key-taken') throw keyNotFound();
      await requireTeamsOrganization(sql, updated, changes);
      await record(keyChange('rotated', { before: locked, after: updated }));
      return updated;
    });
    invalidate(oldHash);
    invalidateKey(after, deps);
    const info = infoOf({ key: after, budget: facts?.budget ?? null }, facts?.balance, time, windows);
    res.json({ ...madeKeyOf(info, fields), key: rawKey, token: hash, token_id: hash });
  };
}

/**
 * What the operator has allowed a key is not for who takes it over.
 *
 * @throws GatewayError route_not_allowed
 */
function requireSecretRight(authenticated: Authenticated, { userId, permissions }: VirtualKey): void {
  if (Object.keys(permissions).length === 0 || vouchesFor(authenticated, userId)) return;
  throw new GatewayError('route_not_allowed', 'Only an administrator may regenerate a key that has permissions.', {
    param: 'key',
  });
}

/** @throws GatewayError invalid_management_request when no key is named, or two are */
function hashFrom(inPath: unknown, inBody: string | null | undefined): KeyHash {
  const inPathToo = typeof inPath === 'string' ? inPath : undefined;
  const named = inPathToo ?? inBody;
  if (named === null || named === undefined) throw refusal('key', 'No key passed in.');
  const hash = keyHashOf(named);
  if (inPathToo !== undefined && inBody != null && keyHashOf(inBody) !== hash) {
    throw refusal('key', 'The path names one key, and the body another.');
  }
  return hash;
}

function masterKeyStays(): GatewayError {
  return refusal(
    'new_master_key',
    'The master key is not regenerated here: it is what the configuration says. Change general_settings.master_key ' +
      '(or LITELLM_MASTER_KEY) and restart.',
  );
}
