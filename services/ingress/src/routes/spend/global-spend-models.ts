import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { authorize } from '../../auth/authorize.ts';
import { parseQuery } from '../../http/parse-body.ts';
import { thirtyDaysBefore } from './report-period.ts';
import type { SpendDeps } from './spend-deps.ts';

/** GET /global/spend/models. What was spent on each upstream model in the last 30 days, highest first. */
export function globalSpendModels({ authenticate, reports, now }: SpendDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const { limit } = parseQuery(GlobalSpendModelsQuery, req.query);

    const sums = await reports.byModel({ since: thirtyDaysBefore(now()), limit });
    res.json(sums.map(({ model, spendNanoUsd }) => ({ model, total_spend: nanoUsdToUsd(Number(spendNanoUsd)) })));
  };
}

const GlobalSpendModelsQuery = z.object({ limit: queryInteger({ min: 1, max: 10_000 }).default(10) });
