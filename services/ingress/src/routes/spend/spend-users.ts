import { Text } from '@sluice/shared/api/litellm/text.ts';
import { nanoUsdToUsd, usdOfSum } from '@sluice/shared/money.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import type { UserRow } from '../../sql/list-user-rows.ts';
import { optionalPeriod } from './period.ts';
import { forEverybody, within } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { sumsMax, tellTruncated } from './truncated.ts';

/**
 * GET /spend/users. Users by what they have ever spent, or one of them: those that there are, and those that keys name
 * without there being such a user.
 */
export function spendUsers(deps: SpendDeps): RequestHandler {
  return forEverybody(deps, async (req, res, reader) => {
    const { user_id: userId } = parseQuery(SpendUsersQuery, req.query);
    const where = within(reader, { userId: userId === undefined ? undefined : [userId] });
    const sums = await deps.reports.usage({
      of: 'request',
      ...optionalPeriod({}),
      by: ['userId'],
      where,
      except: { userId: [''] },
      order: 'spend',
      limit: sumsMax + 1,
    });
    // Who sees one key only, sees of users what the key spent.
    const stored = where.keyHash === undefined ? await deps.entities.userRows(where.userId?.[0], sumsMax + 1) : [];
    const rows = new Map(stored.map((row) => [row.user_id, row]));
    const spent = new Set(sums.map(({ userId: id }) => id));
    const shown = [
      ...sums.map(({ userId: id, spendNanoUsd }) => userOf(id, rows.get(id), usdOfSum(spendNanoUsd))),
      ...stored.filter(({ user_id: id }) => !spent.has(id)).map((row) => userOf(row.user_id, row, 0)),
    ];
    if (sums.length > sumsMax || stored.length > sumsMax || shown.length > sumsMax) tellTruncated(res);
    res.json(shown.slice(0, sumsMax));
  });
}

const SpendUsersQuery = z.object({ user_id: Text.optional() });

/** LiteLLM's user row; contract §3.2. */
function userOf(userId: string, row: UserRow | undefined, spend: number) {
  const usd = (nanoUsd: number | null | undefined) => (nanoUsd == null ? null : nanoUsdToUsd(nanoUsd));
  return {
    user_id: userId,
    user_alias: row?.user_alias ?? null,
    user_email: row?.user_email ?? null,
    user_role: row?.user_role ?? null,
    sso_user_id: row?.sso_user_id ?? null,
    spend,
    max_budget: usd(row?.max_budget_nano_usd),
    budget_duration: row?.budget_duration ?? null,
    rpm_limit: row?.requests_per_minute ?? null,
    tpm_limit: row?.tokens_per_minute ?? null,
    max_parallel_requests: row?.max_parallel_requests ?? null,
    models: row?.models ?? [],
    metadata: row?.metadata ?? {},
    created_at: row?.created_at.toISOString() ?? null,
    updated_at: row?.updated_at.toISOString() ?? null,
  };
}
