import { Text } from '@sluice/shared/api/litellm/text.ts';
import { usdOfSum } from '@sluice/shared/money.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import type { User } from '../../tenancy/user.ts';
import { isoOf, usdOf } from '../management/limit-info.ts';
import { optionalPeriod } from './period.ts';
import { forReaders, within } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { sumsMax, tellTruncated } from './truncated.ts';

/**
 * GET /spend/users. Users by what they have ever spent, or one of them: those that there are, and those that keys name
 * without there being such a user.
 */
export function spendUsers(deps: SpendDeps): RequestHandler {
  return forReaders(deps, async (req, res, reader) => {
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
    const stored =
      where.keyHash === undefined ? await deps.tenancy.users.all({ where: { userId: where.userId } }, sumsMax + 1) : [];
    const users = new Map(stored.map((user) => [user.userId, user]));
    const spent = new Set(sums.map(({ userId: id }) => id));
    const shown = [
      ...sums.map(({ userId: id, spendNanoUsd }) => userOf(id, users.get(id), usdOfSum(spendNanoUsd))),
      ...stored.filter((user) => !spent.has(user.userId)).map((user) => userOf(user.userId, user, 0)),
    ];
    if (sums.length > sumsMax || stored.length > sumsMax || shown.length > sumsMax) tellTruncated(res);
    res.json(shown.slice(0, sumsMax));
  });
}

export const SpendUsersQuery = z.object({ user_id: Text.optional() });

/** LiteLLM's user row; contract §3.2. */
function userOf(userId: string, user: User | undefined, spend: number) {
  return {
    user_id: userId,
    user_alias: user?.userAlias ?? null,
    user_email: user?.userEmail ?? null,
    user_role: user?.userRole ?? null,
    sso_user_id: user?.ssoUserId ?? null,
    spend,
    max_budget: usdOf(user?.maxBudgetNanoUsd ?? null),
    budget_duration: user?.budgetDuration ?? null,
    rpm_limit: user?.requestsPerMinute ?? null,
    tpm_limit: user?.tokensPerMinute ?? null,
    max_parallel_requests: user?.maxParallelRequests ?? null,
    models: user?.models ?? [],
    metadata: user?.metadata ?? {},
    created_at: isoOf(user?.createdAt ?? null),
    updated_at: isoOf(user?.updatedAt ?? null),
  };
}
