import { usdOfSum } from '@sluice/shared/money.ts';
import { z } from 'zod';
import { optionalPeriod } from './period.ts';
import { sumsRoute } from './sums-route.ts';

/** GET /provider/budgets. Providers have no budgets here: what was spent at each, without a limit. */
export const providerBudgets = sumsRoute({
  query: z.object({}),
  ask: () => ({
    of: 'request',
    ...optionalPeriod({}),
    by: ['provider'],
    except: { provider: [''] },
    order: 'fields',
  }),
  show: (sums) => ({
    providers: Object.fromEntries(
      sums.map(({ provider, spendNanoUsd }) => [
        provider,
        { budget_limit: null, time_period: null, spend: usdOfSum(spendNanoUsd), budget_reset_at: null },
      ]),
    ),
  }),
});
