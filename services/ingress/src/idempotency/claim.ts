import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { claimLeaseMs } from '@sluice/shared/ports/idempotency-store.ts';
import type { IdempotencyClaim, IdempotencyStore } from '@sluice/shared/ports/idempotency-store.ts';
import { answerTooLarge, claimLost, keyReused, outcomeUnknown, tooManyWaiting } from './refusals.ts';

/** A request's right to run for its idempotency key. Disposing it before the job is queued frees the key. */
export interface Claim extends AsyncDisposable {
  readonly scope: string;
  /**
   * The job is about to be queued: from now on its worker says what became of it.
   * @throws GatewayError dependency_unavailable when the claim was lost, or nobody can say
   */
  queue(deadlineAt: number): Promise<void>;
  /** The job was taken out of the queue again, and no worker had it. */
  forget(): Promise<void>;
}

export type Claimed =
  { readonly type: 'run'; readonly claim: Claim } | { readonly type: 'replay'; readonly answer: KeptAnswer };

export type ClaimKey = (
  request: IdempotencyClaim & { readonly fingerprint: string },
  waiting: Waiting,
) => Promise<Claimed>;

export interface Waiting {
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly deadlineAt: number;
  /** Called again and again while the job of another request is queued or runs. */
  readonly onQueued?: ((requestId: string) => void) | undefined;
}

export interface ClaimDeps {
  readonly store: IdempotencyStore;
  readonly log: Logger;
  readonly now: () => number;
  /** Requests of this process that wait for another's answer; one more is refused. */
  readonly maxWaiting?: number;
}

/** How long after another one's deadline its answer may still come: a takeover, a log that is late. */
const graceMs = 10_000;
const pauseMs = { first: 50, most: 500 };

/**
 * Claims the key, or waits for the answer of the request that has it. When that one fails without a cost the key comes
 * free, and the next to ask has it.
 *
 * @throws GatewayError idempotency_key_reused, answer_not_kept, deadline_exceeded, overloaded, dependency_unavailable;
 *   or the signal's reason
 */
export function createClaimKey({ store, log, now, maxWaiting = 2_000 }: ClaimDeps): ClaimKey {
  let waitingNow = 0;

  return async (request, { signal, deadlineAt, onQueued }) => {
    const first = await ask(request, onQueued);
    if (first !== null) return first;
    if (waitingNow >= maxWaiting) throw tooManyWaiting(maxWaiting);
    waitingNow += 1;
    try {
      for (let ms = pauseMs.first; ; ms = Math.min(2 * ms, pauseMs.most)) {
        await sleep(Math.max(0, Math.min(ms, deadlineAt - now())), undefined, { signal }).catch(() => undefined);
        signal.throwIfAborted();
        const claimed = await ask(request, onQueued);
        if (claimed !== null) return claimed;
        if (now() >= deadlineAt) throw waitedTooLong();
      }
    } finally {
      waitingNow -= 1;
    }
  };

  /** @returns null: another request is running */
  async function ask(
    request: IdempotencyClaim & { readonly fingerprint: string },
    onQueued: Waiting['onQueued'],
  ): Promise<Claimed | null> {
    const begun = await store.begin(request, request.fingerprint);
    switch (begun.type) {
      case 'claimed':
        return { type: 'run', claim: hold(request) };
      case 'finished':
        if (begun.answer === null) throw answerTooLarge(begun.requestId);
        return { type: 'replay', answer: begun.answer };
      case 'other-body':
        throw keyReused(begun.requestId);
      case 'running':
        if (begun.deadlineAt === null) return null;
        if (now() > begun.deadlineAt + graceMs) throw outcomeUnknown(begun.requestId);
        onQueued?.(begun.requestId);
        return null;
    }
  }

  function hold({ fingerprint, ...claim }: IdempotencyClaim & { readonly fingerprint: string }): Claim {
    const { scope, requestId } = claim;
    let isQueued = false;
    // Waiting for budget may take longer than a lease.
    const renewal = setInterval(() => {
      store
        .begin(claim, fingerprint)
        .catch((error: unknown) => log.warn({ requestId, err: error }, 'claim not renewed'));
    }, claimLeaseMs / 3);
    return {
      scope,
      async queue(deadlineAt) {
        clearInterval(renewal);
        if (!(await store.queue(claim, deadlineAt))) throw claimLost();
        isQueued = true;
      },
      forget: () => store.forget(claim),
      async [Symbol.asyncDispose]() {
        clearInterval(renewal);
        if (isQueued) return;
        await store
          .forget(claim)
          .catch((error: unknown) => log.warn({ requestId, err: error }, 'claim not given back'));
      },
    };
  }
}

function waitedTooLong(): GatewayError {
  const message = 'litellm.Timeout: the request with this Idempotency-Key that is running was not answered in time.';
  return new GatewayError('deadline_exceeded', message);
}
