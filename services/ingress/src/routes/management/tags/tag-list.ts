import { TagListQuery } from '@sluice/shared/api/litellm/tag.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { tagsMax } from '../../../sql/find-tags.ts';
import { requiredPeriod } from '../../spend/period.ts';
import { atMost, sumsMax } from '../../spend/truncated.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagRowsOf } from './tag-rows.ts';

/**
 * GET /tag/list. All tags that are known by name, and then those that requests have carried, ever or within the dates,
 * and that nothing limits.
 */
export function tagList(deps: ManagementDeps): RequestHandler {
  const { authenticate, tenancy, reports } = deps;
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const query = parseQuery(TagListQuery, req.query);
    const hasDates = query.start_date !== undefined || query.end_date !== undefined;
    const [known, carried] = await Promise.all([
      tenancy.tags.all({}, tagsMax),
      hasDates ? carriedIn(requiredPeriod(query)) : reports.names({ of: 'tag', limit: sumsMax + 1 }),
    ]);
    const names = new Set(known.map(({ name }) => name));
    const others = atMost(sumsMax, carried, res).filter((name) => !names.has(name));
    res.json([...(await tagRowsOf(known, deps)), ...others.map(unlimitedRowOf)]);
  };

  async function carriedIn(period: { readonly from: number; readonly to: number }): Promise<readonly string[]> {
    const sums = await reports.usage({ of: 'tag', ...period, by: ['name'], order: 'fields', limit: sumsMax + 1 });
    return sums.map(({ name }) => name);
  }
}

function unlimitedRowOf(name: string): object {
  const description = 'A tag that requests have carried. Nothing limits it.';
  return { name, description, models: null, created_at: null, updated_at: null };
}
