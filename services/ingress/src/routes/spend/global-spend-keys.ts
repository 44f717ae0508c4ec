import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { authorize } from '../../auth/authorize.ts';
import { parseQuery } from '../../http/parse-body.ts';
import { thirtyDaysBefore } from './report-period.ts';
import type { SpendDeps } from './spend-deps.ts';

/** GET /global/spend/keys. What keys spent in the last 30 days, highest first; deleted keys without their names. */
export function globalSpendKeys({ authenticate, keys, reports, now }: SpendDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const { limit } = parseQuery(GlobalSpendKeysQuery, req.query);

    const sums = await reports.byKey({ since: thirtyDaysBefore(now()), limit });
    const stored = await keys.findMany(sums.map(({ keyHash }) => keyHash));
    res.json(
      sums.map(({ keyHash, spendNanoUsd }) => {
        const key = stored.get(keyHash);
        return {
          api_key: keyHash,
          key_alias: key?.keyAlias ?? null,
          key_name: key?.keyName ?? null,
          metadata: key?.metadata ?? {},
          total_spend: nanoUsdToUsd(Number(spendNanoUsd)),
        };
      }),
    );
  };
}

/** LiteLLM's default is all of them. */
const GlobalSpendKeysQuery = z.object({ limit: queryInteger({ min: 1, max: 10_000 }).default(10_000) });
