import { UserUpdateRequest, type UserFields } from '@sluice/shared/api/litellm/user.ts';
import type { Request, RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { findUsersByEmail } from '../../../sql/find-users-by-email.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { changedBy } from '../../../tenancy/history.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { User } from '../../../tenancy/user.ts';
import { userChange } from './audited-user.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { userNotFound } from '../refusals.ts';
import { refuseReserved, refuseUnsupportedOfUser, userChangesOf } from './user-changes.ts';
import { userRefusalOf } from './user-new.ts';
import { requireUserChangeRight } from './user-rights.ts';
import { userRowOf } from './user-rows.ts';

/** POST /user/update. Changes only what the body names. */
export function userUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const fields = parseManagementBody(UserUpdateRequest, req.body);
    refuseUnsupportedOfUser(req.body, false);
    const scope = await deps.scopeOf(authenticated);
    const user = await updateUser(deps, req, { authenticated, scope, fields });
    res.json({ user_id: user.userId, data: await userRowOf(user, deps, scope) });
  };
}

export interface UserUpdate {
  readonly authenticated: Authenticated;
  readonly scope: Scope;
  readonly fields: UserUpdateRequest;
}

/** @throws GatewayError for whom does not exist, or is not the caller's to change so, or has an address that is taken */
export async function updateUser(
  deps: Pick<ManagementDeps, 'changes' | 'models' | 'now' | 'invalidateTenancy'>,
  req: Request,
  { authenticated, scope, fields: { user_id: id, ...named } }: UserUpdate,
): Promise<User> {
  const { changes: administration, now, invalidateTenancy } = deps;
  refuseReserved(id);
  const { user_email: email } = named;
  if (id == null && email == null) throw refusal('user_id', 'Name the user: user_id or user_email.');
  const fields: UserFields = id == null ? { ...named, user_email: undefined } : named;
  const changes = userChangesOf(fields, deps);

  const user = await administration.run(authenticated, req, async (sql, record) => {
    const { users } = tenancyIn(sql);
    const userId = id ?? (await findUsersByEmail(sql, [email ?? ''])).get((email ?? '').toLowerCase())?.userId;
    const before = userId === undefined ? null : await users.lock(userId);
    requireUserChangeRight(scope, userId ?? '', before, changes);
    if (before === null) throw userNotFound(id ?? email ?? '');
    const by = { userId: authenticated.caller.userId, now: now() };
    const after = await users.update([before.userId], { ...changes, ...changedBy(by) });
    if (after === null) throw userNotFound(before.userId);
    if ('violated' in after) throw userRefusalOf(after.violated, { ...before, ...changes });
    await record(userChange('updated', { before, after }));
    return after;
  });
  invalidateTenancy();
  return user;
}
