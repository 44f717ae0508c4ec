import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { seenKeys } from './seen-keys.ts';

/** GET /key/aliases. A page of the aliases of the keys that the caller sees in a list. */
export function keyAliases({ authenticate, keys, scopeOf }: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const { page, size, search, team_id: teamId } = parseQuery(KeyAliasesQuery, req.query);
    const found = await keys.aliases({ search, teamId, ...seenKeys(scope, { teamId }) }, { page, size });
    res.json({
      aliases: found.aliases,
      total_count: found.total,
      current_page: page,
      total_pages: Math.ceil(found.total / size),
      size,
    });
  };
}

export const KeyAliasesQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  size: queryInteger({ min: 1, max: 100 }).default(50),
  search: Text.optional(),
  team_id: Text.optional(),
});
