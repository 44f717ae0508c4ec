import { randomUUID } from 'node:crypto';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { Admission } from '@sluice/shared/ports/admission.ts';
import type { DeploymentStats } from '../routing/deployment-stats.ts';

/** What the operator allows a deployment, over all workers: its `rpm`, `tpm` and `max_parallel_requests`. */
export interface Ceilings {
  /** Answers at once, with `free`, for a deployment that has none, unless its tokens are counted all the same. */
  take(deployment: Deployment, call: CallToCount): CeilingAnswer | Promise<CeilingAnswer>;
}

interface CallToCount {
  readonly tokensEstimate: number;
  readonly deadlineAt: number;
}

export type CeilingAnswer =
  | {
      readonly type: 'taken';
      /** Frees the slot, and counts the tokens that were used; without a number those that were estimated. */
      readonly free: (tokens: number | null) => void;
    }
  /** `retryAfterMs` null: until another call ends. */
  | { readonly type: 'full'; readonly retryAfterMs: number | null };

export interface CeilingsDeps {
  readonly admission: Admission;
  readonly strategy: RouterSettings['strategy'];
  /** Told what all workers use. */
  readonly stats: Pick<DeploymentStats, 'tellTokens' | 'correctTokens'>;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

const uncounted: CeilingAnswer = { type: 'taken', free: () => undefined };

/** More tokens than a minute has: where there is no limit, what remains of this one tells what was used. */
const countedTokensMax = 2 ** 50;

/** A slot whose worker died comes free so long after its call's deadline. */
const expiryGraceMs = 120_000;

/**
 * The deployment is an account of admission, with limits and without money: counted in the same atomic step as
 * everything else that is limited, by all workers together. A strategy that goes by tokens has those of all deployments
 * counted; where they have no ceiling, a call does not fail because nobody counts it.
 */
export function createCeilings({ admission, strategy, stats, now, onError }: CeilingsDeps): Ceilings {
  const countsAll = strategy === 'usage-based-routing' || strategy === 'usage-based-routing-v2';
  return {
    take: (deployment, call) => (countsAll || hasCeiling(deployment) ? count(deployment, call) : uncounted),
  };

  async function count(deployment: Deployment, { tokensEstimate, deadlineAt }: CallToCount): Promise<CeilingAnswer> {
    const { requestsPerMinute = null, tokensPerMinute = null, maxParallelRequests = null } = deployment;
    const callId = callIdOf(RequestId.parse(`place-${randomUUID()}`), 1);
    const limits = {
      budgetNanoUsd: null,
      tokenBudget: null,
      requestsPerMinute,
      tokensPerMinute: tokensPerMinute ?? (countsAll ? countedTokensMax : null),
      maxParallelRequests,
    };
    const at = now();
    // One request of more than a minute's tokens is let in alone, or it would never be.
    const counted = Math.min(tokensEstimate, tokensPerMinute ?? tokensEstimate);
    const reserving = admission.reserve({
      callId,
      accounts: [{ id: `deployment:${deployment.id}`, windowStart: 0, ...limits }],
      inputCostNanoUsd: 0,
      inputTokensMax: 0,
      outputNanoUsdPerMillion: 0,
      outputTokensCap: 0,
      outputTokensMin: 0,
      tokensEstimate: counted,
      now: at,
      expiresAt: deadlineAt + expiryGraceMs,
    });
    const result = await (hasCeiling(deployment) ? reserving : reserving.catch(onError));
    if (!result) return uncounted;
    if (result.type === 'rate-limited') {
      const isSlot = result.limitType === 'max_parallel_requests';
      return { type: 'full', retryAfterMs: isSlot ? null : Math.max(0, result.resetsAt - at) };
    }
    if (result.type !== 'admitted') throw new Error(`a ceiling without money cannot be ${result.type}`);
    const [state] = result.accounts;
    const endsAt = state?.windowResetsAt ?? 0;
    if (state?.tokensRemaining != null && limits.tokensPerMinute !== null) {
      stats.tellTokens(deployment.id, { tokens: limits.tokensPerMinute - state.tokensRemaining, endsAt });
    }
    return {
      type: 'taken',
      free(tokens) {
        if (now() < endsAt) stats.correctTokens(deployment.id, (tokens ?? tokensEstimate) - counted);
        admission.shrink(callId, { costNanoUsd: 0, tokens: tokens ?? tokensEstimate }).catch(onError);
      },
    };
  }
}

function hasCeiling({ requestsPerMinute, tokensPerMinute, maxParallelRequests }: Deployment): boolean {
  return (requestsPerMinute ?? tokensPerMinute ?? maxParallelRequests ?? null) !== null;
}
