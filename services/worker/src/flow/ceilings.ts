import { randomUUID } from 'node:crypto';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { Admission } from '@sluice/shared/ports/admission.ts';

/** What the operator allows a deployment, over all workers: its `rpm`, `tpm` and `max_parallel_requests`. */
export interface Ceilings {
  /** Resolves at once, with `free`, for a deployment that has none. */
  take(deployment: Deployment, call: { tokensEstimate: number; deadlineAt: number }): Promise<CeilingAnswer>;
}

export type CeilingAnswer =
  | {
      readonly type: 'taken';
      /** Frees the slot, and counts the tokens that were used; without a number those that were estimated. */
      readonly free: (tokens: number | null) => void;
    }
  /** `retryAfterMs` null: until another call ends. */
  | { readonly type: 'full'; readonly retryAfterMs: number | null };

/** A slot whose worker died comes free so long after its call's deadline. */
const expiryGraceMs = 120_000;

/**
 * The deployment is an account of admission, with limits and without money: counted in the same atomic step as
 * everything else that is limited, by all workers together.
 */
export function createCeilings({
  admission,
  now,
  onError,
}: {
  admission: Admission;
  now: () => number;
  onError: (error: unknown) => void;
}): Ceilings {
  return {
    async take(deployment, { tokensEstimate, deadlineAt }) {
      const { requestsPerMinute = null, tokensPerMinute = null, maxParallelRequests = null } = deployment;
      if (requestsPerMinute === null && tokensPerMinute === null && maxParallelRequests === null)
        return { type: 'taken', free: () => undefined };
      const callId = callIdOf(RequestId.parse(`place-${randomUUID()}`), 1);
      const limits = {
        budgetNanoUsd: null,
        tokenBudget: null,
        requestsPerMinute,
        tokensPerMinute,
        maxParallelRequests,
      };
      const at = now();
      const result = await admission.reserve({
        callId,
        accounts: [{ id: `deployment:${deployment.id}`, windowStart: 0, ...limits }],
        inputCostNanoUsd: 0,
        inputTokensMax: 0,
        outputNanoUsdPerMillion: 0,
        outputTokensCap: 0,
        outputTokensMin: 0,
        // One request of more than a minute's tokens is let in alone, or it would never be.
        tokensEstimate: Math.min(tokensEstimate, tokensPerMinute ?? tokensEstimate),
        now: at,
        expiresAt: deadlineAt + expiryGraceMs,
      });
      if (result.type === 'rate-limited') {
        const isSlot = result.limitType === 'max_parallel_requests';
        return { type: 'full', retryAfterMs: isSlot ? null : Math.max(0, result.resetsAt - at) };
      }
      if (result.type !== 'admitted') throw new Error(`a ceiling without money cannot be ${result.type}`);
      return {
        type: 'taken',
        free(tokens) {
          admission.shrink(callId, { costNanoUsd: 0, tokens: tokens ?? tokensEstimate }).catch(onError);
        },
      };
    },
  };
}
