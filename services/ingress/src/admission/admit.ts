import { accountKey } from '@sluice/shared/contracts/account.ts';
import { deadlineExceeded } from '@sluice/shared/errors.ts';
import type { GatewayError } from '@sluice/shared/errors.ts';
import type {
  AccountLimits,
  AccountState,
  Admission,
  ReservationRequest,
  ReservationResult,
} from '@sluice/shared/ports/admission.ts';
import type { AccountName } from '../tenancy/account-name.ts';
import { budgetExceeded, budgetReserved, rateLimited } from './refusals.ts';
import { WaitingLines, type Place } from './waiting-lines.ts';

export interface AdmitDeps {
  readonly admission: Admission;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Requests of this process that wait for budget; one more is refused. */
  readonly maxWaiting?: number;
  /** The first in line asks again this often by itself: word of room may be lost. */
  readonly recheckMs?: number;
}

export type AdmitRequest = Omit<ReservationRequest, 'now'>;

export interface AdmitOptions {
  readonly signal: AbortSignal;
  /** Epoch milliseconds; waiting for budget ends here. */
  readonly deadlineAt: number;
  /** @param settledNanoUsd what is booked on it, where that is why it refuses; else null */
  readonly describe: (account: AccountLimits, settledNanoUsd: number | null) => AccountName;
}

export interface Admitted {
  readonly outputTokensCap: number;
  readonly reservedNanoUsd: number;
  /** In the order of the request's accounts. */
  readonly accounts: readonly AccountState[];
  readonly waitedMs: number;
  /** For a request that will not be made after all: frees money, slots and tokens. It has been counted, though. */
  readonly giveBack: () => Promise<void>;
}

/**
 * Resolves when the request's most expensive outcome is reserved on all its accounts.
 *
 * @throws GatewayError budget_exceeded: the room is spent; rate_limited: a limit, or budget that stays reserved until
 *   the deadline; deadline_exceeded: it has passed already; overloaded: too many wait; dependency_unavailable: nobody can say. Or the signal's reason, and then
 *   nothing stays reserved.
 */
export type Admit = (request: AdmitRequest, options: AdmitOptions) => Promise<Admitted>;

/** Resolves once it hears of room. Disposing it only stops the hearing. */
export async function createAdmit(deps: AdmitDeps): Promise<{ readonly admit: Admit } & AsyncDisposable> {
  const { admission, now, maxWaiting = 10_000, recheckMs = 250 } = deps;
  const lines = new WaitingLines(maxWaiting);
  const hearing = await admission.onRoom((keys) => lines.announceRoom(keys));

  const admit: Admit = async (request, options) => {
    const { signal, deadlineAt } = options;
    const askedAt = now();
    const headed = new Set<string>();
    let place: Place | null = null;

    const rest = async (at: Place, ms = Infinity) => {
      await at.rest(Math.min(ms, deadlineAt - now()), signal);
      if (now() >= deadlineAt) throw budgetReserved(options.describe(accountOf(request, at.accountKey), null));
    };

    try {
      let line = lineAhead(request, headed);
      for (;;) {
        if (line !== null) {
          place?.leave();
          place = lines.join(line);
          while (!place.isFirst()) await rest(place);
          headed.add(line);
          line = lineAhead(request, headed);
          if (line !== null) continue;
        }

        // The first in line asks at once: room may have come up before anyone listened for it.
        const reservedAt = now();
        if (reservedAt >= deadlineAt) throw deadlineExceeded(); // a clock may have jumped since it was last looked at
        const result = await reserve({ ...request, now: reservedAt }, signal);
        if (result.type === 'wait') {
          if (place?.accountKey === result.accountKey) await rest(place, recheckMs);
          else line = result.accountKey;
          continue;
        }
        if (result.type !== 'admitted') throw toRefusal(result, { ...request, now: reservedAt }, options);
        const { outputTokensCap, reservedNanoUsd, accounts } = result;
        const waitedMs = now() - askedAt;
        return { outputTokensCap, reservedNanoUsd, accounts, waitedMs, giveBack: () => giveBack(request) };
      }
    } finally {
      place?.leave();
    }
  };
  return { admit, [Symbol.asyncDispose]: () => hearing[Symbol.asyncDispose]() };

  /** A line that the request has to join before it may ask: an account's, in which it has not been first yet. */
  function lineAhead(request: AdmitRequest, headed: ReadonlySet<string>): string | null {
    const isFree = request.inputCostNanoUsd === 0 && request.outputNanoUsdPerMillion === 0;
    const budgeted = request.accounts.filter(
      ({ budgetNanoUsd, tokenBudget }) => tokenBudget !== null || (budgetNanoUsd !== null && !isFree),
    );
    return budgeted.map(accountKey).find((key) => lines.has(key) && !headed.has(key)) ?? null;
  }

  async function reserve(request: ReservationRequest, signal: AbortSignal): Promise<ReservationResult> {
    signal.throwIfAborted();
    let result: ReservationResult;
    try {
      result = await admission.reserve(request);
    } catch (error) {
      // It may have been reserved all the same, with only the reply lost. If this fails too, it expires.
      giveBack(request).catch(() => {});
      throw error;
    }
    if (signal.aborted && result.type === 'admitted') await giveBack(request).catch(() => {});
    signal.throwIfAborted();
    return result;
  }

  function giveBack({ callId }: AdmitRequest): Promise<void> {
    return admission.shrink(callId, { costNanoUsd: 0, tokens: 0 });
  }

  function toRefusal(
    result: Extract<ReservationResult, { type: 'over-budget' | 'rate-limited' }>,
    request: ReservationRequest,
    { describe }: AdmitOptions,
  ): GatewayError {
    const isMoney = result.type === 'over-budget' && result.measure === 'money';
    const name = describe(accountOf(request, result.accountKey), isMoney ? result.settledNanoUsd : null);
    return result.type === 'over-budget' ? budgetExceeded(result, name) : rateLimited(result, name, request.now);
  }
}

function accountOf(request: AdmitRequest, key: string): AccountLimits {
  const found = request.accounts.find((account) => accountKey(account) === key);
  if (!found) throw new Error(`admission named ${key}, which is no account of the request`);
  return found;
}
