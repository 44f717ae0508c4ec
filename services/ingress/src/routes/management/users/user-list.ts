import { UserListQuery, type UserSort } from '@sluice/shared/api/litellm/user.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { User } from '../../../tenancy/user.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { membersMax } from '../teams/team-rows.ts';
import { userRowsOf } from './user-rows.ts';

/** GET /user/list. A page of all users, or of those in organizations that the caller administers. */
export function userList(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy, keys } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const query = parseQuery(UserListQuery, req.query);
    const lists = await Promise.all([membersOf(query.team), visible(scope)]);
    const asked = query.user_ids?.split(',').map((id) => id.trim());
    const { total, rows: users } = await tenancy.users.list(
      {
        where: { userRole: query.role, userId: inAll([asked, ...lists]) },
        search: query.user_email === undefined ? undefined : { text: query.user_email, in: ['userEmail'] },
      },
      {
        page: query.page,
        size: query.page_size,
        sortBy: sortProperties[query.sort_by],
        descending: query.sort_order === 'desc',
      },
    );
    const [rows, counts] = await Promise.all([
      userRowsOf(users, deps, scope),
      keys.countOfUsers(
        users.map(({ userId }) => userId),
        scope.all ? null : [...scope.organizations],
      ),
    ]);
    res.json({
      users: rows.map((row, index) => ({ ...row, key_count: counts.get(users[index]?.userId ?? '') ?? 0 })),
      total,
      page: query.page,
      page_size: query.page_size,
      total_pages: Math.ceil(total / query.page_size),
    });
  };

  async function membersOf(teamId: string | undefined): Promise<readonly string[] | undefined> {
    if (teamId === undefined) return undefined;
    return (await tenancy.members.all({ where: { teamId } }, membersMax)).map(({ userId }) => userId);
  }

  async function visible({ all, organizations }: Scope): Promise<readonly string[] | undefined> {
    if (all) return undefined;
    const where = { organizationId: [...organizations] };
    return (await tenancy.organizationMembers.all({ where }, membersMax)).map(({ userId }) => userId);
  }
}

const sortProperties = {
  user_id: 'userId',
  user_email: 'userEmail',
  user_alias: 'userAlias',
  user_role: 'userRole',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
} as const satisfies Record<UserSort, keyof User>;

/** What is in all lists; undefined: everything. */
function inAll(lists: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  const [first, ...others] = lists.flatMap((list) => (list === undefined ? [] : [new Set(list)]));
  return first && [...others.reduce((left, list) => left.intersection(list), first)];
}
