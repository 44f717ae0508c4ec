import { accountKey } from '../../contracts/account.ts';
import type { CallId } from '../../ids.ts';
import type { FindBooked, ReservationRequest, ReservationResult } from '../../ports/admission.ts';
import { withTimeLimit } from '../../time-limit.ts';

/** Half of what a server that lost its data costs the requests with a budget. */
const lookEveryMs = 500;
/** A call that runs long is looked for at ever longer intervals. */
const lookAgainMsMax = 30_000;
const chunk = 500;
/** Far more than one process runs at once. Beyond it the oldest are no longer remembered. */
const heldMax = 100_000;

export interface HeldCallsDeps {
  /** When the server's counters began, and which of the calls are open there. */
  readonly look: (callIds: readonly CallId[]) => Promise<{ beganAt: number; open: readonly boolean[] }>;
  readonly restore: (callId: CallId, args: readonly (string | number)[]) => Promise<void>;
  /** Ends calls that are booked, and has the books asked about their accounts. */
  readonly expire: (callIds: readonly CallId[]) => Promise<void>;
  readonly findBooked: FindBooked;
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

interface HeldCall {
  readonly callId: CallId;
  readonly accountKeys: readonly string[];
  readonly outputTokensCap: number;
  readonly tokensEstimate: number;
  /** By `performance.now()`. */
  readonly endsAt: number;
  nanoUsd: number;
  tokens: number;
  holdsSlot: boolean;
  /** By `performance.now()`. */
  lookAt: number;
  readonly since: number;
}

/**
 * What this process has reserved, until it is seen to be over: a server that lost its data is told of it again. Nobody
 * else knows of a call that runs. Counters say when they began; another time than before means that they were lost.
 *
 * All calls are brought back at once: too little room for a moment, never too much. Then the books are asked, for as
 * long as it takes, which of them are booked: the ledger said so before they were back, and will not again.
 */
export class HeldCalls implements Disposable {
  readonly #deps: HeldCallsDeps;
  readonly #calls = new Map<CallId, HeldCall>();
  /** Brought back, and perhaps booked before. */
  readonly #unsure = new Set<CallId>();
  readonly #timer: NodeJS.Timeout;
  #beganAt: number | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: HeldCallsDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.lookSoon(), lookEveryMs);
    this.#timer.unref();
  }

  hold(request: ReservationRequest, admitted: Extract<ReservationResult, { type: 'admitted' }>): void {
    const since = performance.now();
    const { outputTokensCap } = admitted;
    this.#calls.set(request.callId, {
      callId: request.callId,
      accountKeys: request.accounts.map(accountKey),
      outputTokensCap,
      tokensEstimate: request.tokensEstimate,
      endsAt: since + request.expiresAt - request.now,
      nanoUsd: admitted.reservedNanoUsd,
      tokens: request.inputTokensMax + outputTokensCap,
      holdsSlot: request.moneyOnly !== true,
      lookAt: since + 2 * lookEveryMs,
      since,
    });
    if (this.#calls.size <= heldMax) return;
    const [oldest] = this.#calls.keys();
    if (oldest !== undefined) this.#calls.delete(oldest);
  }

  shrink(callId: CallId, { costNanoUsd, tokens }: { costNanoUsd: number; tokens: number }): void {
    const call = this.#calls.get(callId);
    if (!call) return;
    if (costNanoUsd === 0 && (tokens === 0 || call.tokens === 0)) this.#calls.delete(callId);
    call.nanoUsd = costNanoUsd;
    call.tokens = tokens;
    call.holdsSlot = false;
  }

  /** Looks unless nothing is held; a failure is told, and the next look makes up for it. */
  lookSoon(): void {
    if (this.#calls.size === 0 && this.#unsure.size === 0) return;
    this.look().catch((error: unknown) =>
      this.#deps.onError(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** One at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#calls.clear();
    this.#unsure.clear();
  }

  async #look(): Promise<void> {
    const now = performance.now();
    const due: HeldCall[] = [];
    for (const call of this.#calls.values()) if (call.lookAt <= now) due.push(call);
    for (let from = 0; from === 0 || from < due.length; from += chunk) {
      const some = due.slice(from, from + chunk);
      const { beganAt, open } = await this.#deps.look(some.map(({ callId }) => callId));
      if (this.#beganAt !== undefined && beganAt !== this.#beganAt) await this.#restoreAll();
      else this.#forgetEnded(some, open, now);
      this.#beganAt = beganAt;
    }
    await this.#endBooked();
  }

  #forgetEnded(some: readonly HeldCall[], open: readonly boolean[], now: number): void {
    for (const [index, call] of some.entries()) {
      if (!open[index]) this.#calls.delete(call.callId);
      call.lookAt = now + Math.min(Math.max(now - call.since, lookEveryMs), lookAgainMsMax);
    }
  }

  async #restoreAll(): Promise<void> {
    const all = [...this.#calls];
    for (let from = 0; from < all.length; from += chunk) {
      const some = all.slice(from, from + chunk);
      await Promise.all(some.map(([callId, call]) => this.#deps.restore(callId, argsOf(call))));
    }
    for (const [callId] of all) this.#unsure.add(callId);
  }

  /** What is booked later is ended as ever, by the ledger. */
  async #endBooked(): Promise<void> {
    while (this.#unsure.size > 0) {
      const some = [...this.#unsure].slice(0, chunk);
      const booked = await withTimeLimit('books', this.#deps.timeoutMs, this.#deps.findBooked(some));
      if (booked.length > 0) await this.#deps.expire(booked);
      for (const callId of booked) this.#calls.delete(callId);
      for (const callId of some) this.#unsure.delete(callId);
    }
  }
}

function argsOf(call: HeldCall): (string | number)[] {
  const { nanoUsd, tokens, outputTokensCap, tokensEstimate, holdsSlot, endsAt, accountKeys } = call;
  const lifeMs = Math.max(0, Math.round(endsAt - performance.now()));
  return [nanoUsd, tokens, outputTokensCap, tokensEstimate, holdsSlot ? 1 : 0, lifeMs, ...accountKeys];
}
