import { KeyGenerateRequest, type KeyFields } from '@sluice/shared/api/litellm/key.ts';
import type { RequestHandler } from 'express';
import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import { hashKey } from '../../../auth/hash-key.ts';
import { maskKey } from '../../../auth/mask-key.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { VirtualKeyChanges } from '../../../sql/update-virtual-key.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { madeBy } from '../../../tenancy/history.ts';
import { keyChange } from './audited-key.ts';
import { chosenKey } from './chosen-key.ts';
import { ownersHolder, requireTeamsOrganization } from './hold-owners.ts';
import { changesOf } from './key-changes.ts';
import { keyInfoOf } from './key-info-of.ts';
import { requireKeyRight } from './key-rights.ts';
import { requireKeyRules, requireWithinBounds, withKeyDefaults } from './key-rules.ts';
import { madeKeyOf } from './made-key-of.ts';
import { refuseServiceAccountId } from './service-account-id.ts';
import { vouchesFor } from './vouching.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { aliasTaken, budgetNotFound, keyTaken } from '../refusals.ts';
import { newVirtualKey } from '../../../tenancy/new-virtual-key.ts';
import { refusal } from '../limit-changes.ts';
import { refuseUnsupported } from '../unsupported-fields.ts';

/** POST /key/generate. The key itself is in this answer and nowhere else. */
export function keyGenerate(deps: ManagementDeps): RequestHandler {
  return makeKey(deps, { isServiceAccount: false });
}

/** POST /key/service-account/generate. A key of a team and of nobody in it: it outlives every user. */
export function serviceAccountGenerate(deps: ManagementDeps): RequestHandler {
  return makeKey(deps, { isServiceAccount: true });
}

function makeKey(deps: ManagementDeps, { isServiceAccount }: { readonly isServiceAccount: boolean }): RequestHandler {
  const { authenticate, changes, keySettings, scopeOf, now, newKey, newId, invalidate } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { caller, role, key: own } = authenticated;
    const body = withKeyDefaults(req.body, keySettings);
    const asked = parseManagementBody(KeyGenerateRequest, body);
    refuseUnsupported(body, { isNew: true });
    if (!isServiceAccount) refuseServiceAccountId(asked.metadata);
    requireWithinBounds(asked, keySettings);

    const scope = await scopeOf(authenticated);
    // Who is no administrator makes keys for themselves, unless they say otherwise.
    const team = scope.teams.get(asked.team_id ?? '');
    const memberRole = team?.role ?? null;
    const request = {
      ...asked,
      ...(isServiceAccount
        ? serviceAccountOf(asked, newId)
        : !scope.all && asked.user_id == null && { user_id: caller.userId }),
      ...(memberRole === 'user' && asked.duration == null && { duration: team?.memberKeyDuration }),
    };
    requireKeyRules(request, { role, isOperator: own === null, memberRole }, keySettings);

    const rawKey = chosenKey('key', request.key) ?? newKey();
    const time = now(); // one for all: a key expires exactly its duration after it was made
    const asKey = changesOf(request, time, deps);
    await requireKeyRight({ authenticated, scope, route: req.path }, null, asKey, deps);
    const key = keyOf(rawKey, asKey, authenticated, time);
    const info = await keyInfoOf(key, deps); // before it is stored: a failure must not swallow the only sight of the key

    const isRequired = { team: isServiceAccount || !scope.all, organization: !scope.all };
    const holdOwners = await ownersHolder(key, isRequired, deps);

    await changes.run(authenticated, req, async (sql, record) => {
      await holdOwners(sql);
      await requireTeamsOrganization(sql, key);
      const outcome = await virtualKeysIn(sql).insert(key);
      if (outcome === 'alias-taken') throw aliasTaken(key.keyAlias);
      if (outcome === 'key-taken') throw keyTaken(rawKey);
      if (outcome === 'no-budget') throw budgetNotFound(key.budgetId);
      await record(keyChange('created', { before: null, after: key }));
    });
    invalidate(key.hash);
    res.json({ ...madeKeyOf(info, request), key: rawKey, token: key.hash, token_id: key.hash });
  };
}

/** What is different with a key of a service account. @throws GatewayError invalid_management_request without a team */
function serviceAccountOf({ key_alias: alias, team_id: teamId, metadata }: KeyFields, newId: () => string): KeyFields {
  if (teamId == null) {
    throw refusal('team_id', 'team_id is required for service account keys: they belong to a team and to no user.');
  }
  return { user_id: null, metadata: { service_account_id: alias ?? newId(), ...metadata } };
}

/** A new key, as a request has it. */
export function keyOf(
  rawKey: string,
  { tags, ...set }: VirtualKeyChanges,
  maker: Authenticated,
  now: number,
): VirtualKey {
  const by = { userId: maker.caller.userId, now };
  return {
    ...newVirtualKey,
    hash: hashKey(rawKey),
    keyName: maskKey(rawKey),
    ...set,
    vouched: vouchesFor(maker, set.userId ?? null),
    metadata: { ...set.metadata, ...(tags !== undefined && { tags }) },
    ...madeBy(by),
  };
}
