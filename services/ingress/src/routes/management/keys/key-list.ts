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
import { administers } from '../../../tenancy/scope.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** GET /key/list. The hashes of a page of keys, or with `return_full_object` the keys. */
export function keyList(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys, scopeOf, now } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const query = withinScope(parseQuery(KeyListQuery, req.query), scope);
    refuseOtherFilters(query);

    const found = await keys.list(
      {
        userId: query.user_id,
        teamId: query.team_id,
        organizationId: query.organization_id,
        hash: query.key_hash === undefined ? undefined : hashOf(query.key_hash),
        keyAlias: query.key_alias,
        substringMatching: query.substring_matching,
        expires: query.expires,
        now: now(),
      },
      { page: query.page, size: query.size, sortBy: query.sort_by, descending: query.sort_order === 'desc' },
    );
    res.json({
      keys: query.return_full_object ? await keyRowsOf(found.keys, deps) : found.keys.map(({ hash }) => hash),
      total_count: found.total,
      current_page: query.page,
      total_pages: Math.ceil(found.total / query.size),
    });
  };
}

/** `include_team_keys`, `include_created_by_keys` and `expand` add nothing here: an operator sees all keys anyway. */
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
  access_group_id: z.string().optional(),
  status: z.string().optional(),
});

/** Who is no administrator sees their own keys, or those of a team or an organization that they administer. */
function withinScope(query: z.infer<typeof KeyListQuery>, scope: Scope): z.infer<typeof KeyListQuery> {
  const asked = { teamId: query.team_id ?? null, organizationId: query.organization_id ?? null };
  if (scope.all || administers(scope, asked)) return query;
  return { ...query, user_id: scope.userId ?? '', substring_matching: false };
}

/** To ignore these would answer with keys that were not asked for. */
function refuseOtherFilters(query: z.infer<typeof KeyListQuery>): void {
  for (const name of ['project_id', 'agent_id', 'access_group_id', 'status'] as const) {
    if (query[name] === undefined) continue;
    throw new GatewayError('invalid_management_request', `Keys cannot be listed by '${name}' yet.`, { param: name });
  }
}
