import { UserBulkUpdateRequest, type UserUpdateRequest } from '@sluice/shared/api/litellm/user.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { User } from '../../../tenancy/user.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { refuseUnsupportedOfUser } from './user-changes.ts';
import { userRowsOf } from './user-rows.ts';
import { updateUser } from './user-update.ts';

/** With `all_users`, more have to be named. */
const allUsersMax = 5000;

/** POST /user/bulk_update. Each user for themselves: who cannot be changed so stays as they are, and is told of. */
export function userBulkUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(UserBulkUpdateRequest, req.body);
    for (const body of partsOf(req.body)) refuseUnsupportedOfUser(body, false);
    const updates = await updatesOf(request);
    const scope = await deps.scopeOf(authenticated);

    const outcomes: { readonly asked: UserUpdateRequest; readonly user: User | null; readonly error: string | null }[] =
      [];
    for (const asked of updates) {
      try {
        const user = await updateUser(deps, req, { authenticated, scope, fields: asked });
        outcomes.push({ asked, user, error: null });
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        outcomes.push({ asked, user: null, error: error.message });
      }
    }
    const changed = outcomes.flatMap(({ user }) => user ?? []);
    const rows = new Map((await userRowsOf(changed, deps, scope)).map((row) => [row['user_id'], row]));
    res.json({
      results: outcomes.map(({ asked, user, error }) => ({
        user_id: user?.userId ?? asked.user_id ?? null,
        user_email: user?.userEmail ?? asked.user_email ?? null,
        success: error === null,
        error,
        updated_user: rows.get(user?.userId) ?? null,
      })),
      total_requested: outcomes.length,
      successful_updates: changed.length,
      failed_updates: outcomes.length - changed.length,
    });
  };

  async function updatesOf({
    users,
    all_users: everybody,
    user_updates: fields,
  }: ReturnType<typeof UserBulkUpdateRequest.parse>): Promise<readonly UserUpdateRequest[]> {
    if (everybody !== true) {
      if ((users ?? []).length === 0) throw refusal('users', 'Name users, or all_users with user_updates.');
      return users ?? [];
    }
    if (fields == null) throw refusal('user_updates', 'all_users needs user_updates.');
    const all = await deps.tenancy.users.all({}, allUsersMax + 1);
    if (all.length > allUsersMax) {
      throw refusal('all_users', `There are more than ${allUsersMax} users: name them.`);
    }
    return all.map(({ userId }) => ({ ...fields, user_id: userId }));
  }
}

/** The parts of a body that say something of users, as they came. */
function partsOf(body: unknown): readonly unknown[] {
  if (typeof body !== 'object' || body === null) return [];
  const users = 'users' in body && Array.isArray(body.users) ? body.users : [];
  return [...users, 'user_updates' in body ? body.user_updates : undefined];
}
