import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { deadlineExceeded, GatewayError } from '@sluice/shared/errors.ts';
import { callIdOf } from '@sluice/shared/ids.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { dearestPrice } from '@sluice/shared/prices/dearest-price.ts';
import type { JobDeps } from './job-context.ts';

/** How long a repeated call may wait for room that others have only reserved. */
const patienceMs = 5_000;
const recheckMs = 100;
/** A reservation outlives its request's deadline by this much, so that the books are always there first. */
const expiryGraceMs = 120_000;

/**
 * Reserves for a call that follows one which may have been billed: the first reservation pays for that one, so the
 * budget must have room for both, or the request ends here. Or for the first call, when what was reserved for it ended
 * with an earlier process.
 *
 * @param choices each of them gets a token at the least
 * @returns the output cap that there is room for
 * @throws GatewayError budget_exceeded; or deadline_exceeded, when a clock that was set has passed it before its timer;
 *   or the signal's reason. Or dependency_unavailable: then it may be reserved all
 *   the same, with only the reply lost. To give it back is for who has ended the job: an attempt that has been overtaken
 *   would give back what another one calls with.
 */
export async function reserveAgain(
  job: InferenceJob,
  { call, choices }: { call: number; choices: number },
  deps: JobDeps,
  signal: AbortSignal,
): Promise<{ outputTokensCap: number }> {
  const price = dearestPrice(deps.config, [job.alias, ...job.fallbacks], job.admittedAt, job.priceFactorPpm);
  const giveUpAt = Math.min(deps.now() + patienceMs, job.deadlineAt);
  const request = {
    callId: callIdOf(job.requestId, call),
    // What the call is only booked on has nothing to refuse; the first is the key's.
    accounts: job.accounts
      .filter(({ budgetNanoUsd, tokenBudget }, index) => index === 0 || budgetNanoUsd !== null || tokenBudget != null)
      .map((account) => ({
        ...account,
        tokenBudget: account.tokenBudget ?? null,
        requestsPerMinute: null,
        tokensPerMinute: null,
        maxParallelRequests: null,
      })),
    inputCostNanoUsd: callCostNanoUsd(
      { inputTokens: job.inputTokensMax, outputTokens: 0, searchUnits: job.searchUnits },
      price,
    ),
    inputTokensMax: job.inputTokensMax,
    outputNanoUsdPerMillion: price.outputNanoUsdPerMillion,
    outputTokensCap: job.outputTokensCap,
    outputTokensMin: Math.min(choices, job.outputTokensCap),
    tokensEstimate: job.inputTokensEstimate,
    moneyOnly: true,
    admittedAt: job.admittedAt,
    expiresAt: job.deadlineAt + expiryGraceMs,
  };
  for (;;) {
    signal.throwIfAborted();
    const now = deps.now();
    if (now >= job.deadlineAt) throw deadlineExceeded();
    const result = await deps.admission.reserve({ ...request, now });
    if (result.type === 'admitted') return result;
    if (result.type !== 'wait' || deps.now() >= giveUpAt) {
      throw new GatewayError(
        'budget_exceeded',
        call === 1
          ? 'Budget has been exceeded! What was reserved for the request ended with a process, and there is no room now.'
          : 'Budget has been exceeded! A first call to the provider may have been billed, and there is no room for another.',
      );
    }
    await deps.pause(recheckMs, signal);
  }
}
