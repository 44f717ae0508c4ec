import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { forReaders } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';

/**
 * POST /global/spend/reset. Always refused: LiteLLM sets the spend of keys and teams to zero, and here spend is the sum
 * of rows that nobody can change.
 */
export function globalSpendReset(deps: SpendDeps): RequestHandler {
  return forReaders(deps, () => {
    throw new GatewayError(
      'invalid_management_request',
      'Spend cannot be reset: it is the sum of rows in the books, which are never changed. ' +
        'For budgets that begin anew give them a budget_duration, or raise max_budget; POST /key/{key}/reset_spend sets back what counts as spent by one key.',
    );
  });
}
