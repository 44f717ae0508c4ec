import { nanoUsdToUsd, usdOfSum } from '@sluice/shared/money.ts';
import type { RequestHandler } from 'express';
import { optionalPeriod } from './period.ts';
import { forReaders } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';

/** GET /global/spend. What everybody has spent since the first call, and the budget for it: 0 if there is none. */
export function globalSpend(deps: SpendDeps): RequestHandler {
  return forReaders(deps, async (_req, res) => {
    const [sum] = await deps.reports.usage({ of: 'request', ...optionalPeriod({}), by: [], order: 'fields', limit: 1 });
    res.json({
      spend: usdOfSum(sum?.spendNanoUsd ?? 0n),
      max_budget: nanoUsdToUsd(deps.proxyBudgetNanoUsd ?? 0),
    });
  });
}
