import type { KeyInfo } from '@sluice/shared/api/litellm/key.ts';
import { queryBoolean, queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { hashOf } from '../../../auth/hash-key.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { VirtualKeySort } from '../../../sql/list-virtual-keys.ts';
import { keyRowsOf } from './key-info-of.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { administers, type Scope } from '../../../tenancy/scope.ts';
import type { User } from '../../../tenancy/user.ts';
import { seenKeys } from './seen-keys.ts';

/** GET /key/list. The hashes of a page of keys, or with `return_full_object` the keys. */
export function keyList(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys, scopeOf, now } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const query = parseQuery(KeyListQuery, req.query);
    refuseOtherFilters(query);
    const seen = seenKeys(scope, { teamId: query.team_id, organizationId: query.organization_id });

    const found = await keys.list(
      {
        userId: query.user_id,
        teamId: query.team_id,
        organizationId: query.organization_id,
        ...(seen.userId !== undefined && alsoSeen(scope, query)),
        accessGroupId: query.access_group_id,
        hash: query.key_hash === undefined ? undefined : hashOf(query.key_hash),
        keyAlias: query.key_alias,
        substringMatching: query.substring_matching && seen.userId === undefined,
        expires: query.expires,
        now: now(),
        ...seen,
      },
      { page: query.page, size: query.size, sortBy: query.sort_by, descending: query.sort_order === 'desc' },
    );
    const withUsers = [query.expand].flat().includes('user');
    const isFull = query.return_full_object || withUsers;
    const rows = isFull ? await keyRowsOf(found.keys, deps) : found.keys.map(({ hash }) => hash);
    res.json({
      keys: withUsers ? await usersIn(rows, deps) : rows,
      total_count: found.total,
      current_page: query.page,
      total_pages: Math.ceil(found.total / query.size),
    });
  };
}

export const KeyListQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  size: queryInteger({ min: 1, max: 100 }).default(10),
  user_id: Text.optional(),
  team_id: Text.optional(),
  organization_id: Text.optional(),
  key_hash: Text.optional(),
  key_alias: Text.optional(),
  return_full_object: queryBoolean.default(false),
  substring_matching: queryBoolean.default(false),
  expires: z.enum(['expired', 'active']).optional(),
  sort_by: VirtualKeySort.default('created_at'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
  project_id: z.string().optional(),
  agent_id: z.string().optional(),
  access_group_id: Text.optional(),
  include_team_keys: queryBoolean.default(false),
  include_created_by_keys: queryBoolean.default(false),
  expand: z.union([Text, z.array(Text).max(10)]).optional(),
  status: z.string().optional(),
});

type KeyListQuery = z.infer<typeof KeyListQuery>;

/** Keys that who is no administrator sees beside their own, if they ask for them. */
function alsoSeen(scope: Scope, { include_team_keys: ofTeams, include_created_by_keys: made }: KeyListQuery) {
  const teams = [...scope.teams].filter(([teamId, { organizationId }]) =>
    administers(scope, { teamId, organizationId }),
  );
  return {
    orTeamIds: ofTeams ? teams.map(([teamId]) => teamId) : undefined,
    orCreatedBy: made && scope.userId !== null ? scope.userId : undefined,
  };
}

/** Whole keys, each with its user; null: nobody has made them. */
async function usersIn(rows: readonly (string | KeyInfo)[], { tenancy }: ManagementDeps) {
  const keys = rows.filter((row) => typeof row !== 'string');
  const ids = [...new Set(keys.flatMap(({ user_id: id }) => id ?? []))];
  const users = ids.length === 0 ? [] : await tenancy.users.all({ where: { userId: ids } }, ids.length);
  const known = new Map(users.map((user) => [user.userId, shownUser(user)]));
  return keys.map((key) => ({ ...key, user: known.get(key.user_id ?? '') ?? null }));
}

function shownUser({ userId, userAlias, userEmail, userRole }: User) {
  return { user_id: userId, user_alias: userAlias, user_email: userEmail, user_role: userRole };
}

const deletedKeys =
  "Keys cannot be listed by 'status': a deleted key leaves no row. GET /audit?action=deleted&table_name=LiteLLM_VerificationToken lists what was deleted.";

/** To ignore these would answer with keys that were not asked for. */
function refuseOtherFilters(query: z.infer<typeof KeyListQuery>): void {
  for (const name of ['project_id', 'agent_id', 'status'] as const) {
    if (query[name] === undefined || query[name] === '') continue;
    if (name === 'status') throw new GatewayError('invalid_management_request', deletedKeys, { param: name });
    throw new GatewayError('invalid_management_request', `Keys cannot be listed by '${name}' yet.`, { param: name });
  }
}
