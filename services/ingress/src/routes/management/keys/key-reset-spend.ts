import { KeyResetSpendRequest } from '@sluice/shared/api/litellm/key.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { nanoUsdToUsd, usdToNanoUsd } from '@sluice/shared/money.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { limitsWith } from '../../../tenancy/limits.ts';
import { administers } from '../../../tenancy/scope.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { keyNotFound } from '../refusals.ts';
import { keyChange } from './audited-key.ts';
import { findKey } from './find-key.ts';
import { invalidateKey } from './invalidate-key.ts';
import { accountOf, factsOf, infoOf, spendOf } from './key-info-of.ts';

/** As rights name it: the path itself holds a key. */
const route = '/key/reset_spend';

/**
 * POST /key/{key}/reset_spend. Sets what a key counts as having spent in the current window of its budget; downwards
 * only, as in LiteLLM. Nothing that is booked changes: what no longer counts is kept beside the key and raises its budget
 * in that window, so what is booked while this runs counts, and calls under way keep what they have reserved.
 */
export function keyResetSpend(deps: ManagementDeps): RequestHandler {
  const { authenticate, keys: stored, changes, scopeOf, windows, now } = deps;
  return async (req, res) => {
    const operator = authorize(await authenticate(req), route);
    const { reset_to: resetTo } = parseManagementBody(KeyResetSpendRequest, req.body);
    const key = await findKey(stored, String(req.params['key']));
    if (!administers(await scopeOf(operator), key)) {
      throw new GatewayError(
        'route_not_allowed',
        'Only an administrator of the proxy, or of its team or organization, may reset the spend of this key.',
      );
    }

    const time = now();
    const [facts] = await factsOf([key], deps);
    if (!facts) throw new Error('a key of which nothing is known');
    const account = accountOf(facts, time, windows);
    const spent = spendOf(key, account, facts.balance);
    const wanted = wantedOf(resetTo, spent, limitsWith(key, facts.budget).maxBudgetNanoUsd);
    const waived = {
      waivedNanoUsd: Math.max(0, (facts.balance?.settledNanoUsd ?? 0) - wanted),
      waivedWindowStart: account.windowStart,
    };

    const after = await changes.run(operator, req, async (sql, record) => {
      const keys = virtualKeysIn(sql);
      const [before = null] = await keys.lock({ hashes: [key.hash] });
      const updated = await keys.update(key.hash, waived, { userId: operator.caller.userId, now: time });
      if (updated === null || typeof updated === 'string') throw keyNotFound();
      const change = keyChange('updated', { before, after: updated });
      await record({
        ...change,
        before: { ...change.before, spend: nanoUsdToUsd(spent) },
        after: { ...change.after, spend: nanoUsdToUsd(wanted) },
      });
      return updated;
    });
    invalidateKey(after, deps);
    const { spend, max_budget, budget_reset_at } = infoOf({ ...facts, key: after }, facts.balance, time, windows);
    res.json({ key_hash: key.hash, spend, previous_spend: nanoUsdToUsd(spent), max_budget, budget_reset_at });
  };
}

/** In nano-USD. @throws GatewayError invalid_management_request for what LiteLLM refuses too */
function wantedOf(resetTo: number, spentNanoUsd: number, budgetNanoUsd: number | null): number {
  if (resetTo < 0) throw refusal('reset_to', `reset_to cannot be negative. Received: ${resetTo}`);
  const spent = nanoUsdToUsd(spentNanoUsd);
  if (resetTo > spent) throw refusal('reset_to', `reset_to (${resetTo}) must be <= current spend (${spent})`);
  if (budgetNanoUsd !== null && resetTo > nanoUsdToUsd(budgetNanoUsd)) {
    throw refusal('reset_to', `reset_to (${resetTo}) must be <= budget (${nanoUsdToUsd(budgetNanoUsd)})`);
  }
  return usdToNanoUsd(resetTo);
}
