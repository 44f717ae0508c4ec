import type { Logger } from '@sluice/shared/log.ts';
import { ProviderError } from '../../provider.ts';
import type { SigningIdentity } from '../signing.ts';
import { identityRefused } from './identity-error.ts';
import type { OciSigner } from './oci-signer.ts';

/** Where an identity comes from that does not stay for ever. */
export interface IdentitySource {
  /** For logs and errors: `instance principal`. */
  readonly name: string;
  /**
   * `early`: before the token ends, also when nobody asks, because it takes long.
   * `onUse`: files, which somebody else renews; looked at again every so often, but only while there are requests.
   */
  readonly renewal: 'early' | 'onUse';
  /** A sentence on what to do about a token that has expired before it is used. */
  readonly whenExpired: string;
  /**
   * Rejects with a ProviderError that says what to do, and soon after `signal` is aborted. What has not changed
   * since the last time may come as the same object.
   */
  obtain(signal: AbortSignal): Promise<ObtainedIdentity>;
}

export interface ObtainedIdentity {
  readonly identity: SigningIdentity;
  /** Epoch milliseconds; Infinity for keys that do not expire. */
  readonly expiresAt: number;
}

export interface RenewingSignerOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1: spreads the renewals of many processes. */
  readonly random: () => number;
}

/** One attempt, whatever it consists of. */
const obtainLimitMs = 15_000;

/** After a failure, doubling with each further one. */
const firstPauseMs = 500;
const longestPauseMs = 15_000;

/** How long a file may have changed unnoticed. */
const lookAgainMs = 10_000;

/**
 * A service that refuses what is new, too, has another reason: it would refuse the next one as well. So refusals
 * renew once in 5 s in the long run; three in a row are believed to be tokens that ended.
 */
const refusalPauseMs = 5_000;
const refusalBurstMs = 2 * refusalPauseMs;

/** Node's timers count to 24 days; waking up too early does no harm. */
const longestTimerMs = 24 * 3_600_000;

interface Held extends ObtainedIdentity {
  readonly renewAt: number;
}

/**
 * Hands out one token after another, each with its own key, one flight for a new one at a time.
 *
 * While the token is valid nobody waits: it is renewed behind the requests' backs, from 75 to 85 % of its life, and
 * a renewal that fails is tried again after a pause. Once it has expired, all wait for the one flight; in the pause
 * after a failure they are told that failure at once.
 */
export class RenewingSigner implements OciSigner, AsyncDisposable {
  readonly #source: IdentitySource;
  readonly #options: RenewingSignerOptions;
  readonly #closing = new AbortController();
  #held: Held | null = null;
  #flight: Promise<Held> | null = null;
  #failure: { readonly error: ProviderError; readonly count: number; readonly retryAt: number } | null = null;
  /** Each renewal upon a refusal puts it 5 s further on. */
  #refusalsCountUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: IdentitySource, options: RenewingSignerOptions) {
    this.#source = source;
    this.#options = options;
  }

  current(): SigningIdentity | Promise<SigningIdentity> {
    const held = this.#held;
    const now = this.#options.now();
    if (!held || now >= held.expiresAt) return this.#renew().then(({ identity }) => identity);
    if (now >= held.renewAt) this.#renewBehind();
    return held.identity;
  }

  async refused(identity: SigningIdentity): Promise<boolean> {
    if (this.#held?.identity !== identity) return true;
    if (this.#refusalsCountUntil - this.#options.now() > refusalBurstMs) return false;
    const isFirst = this.#flight === null;
    const renewed = await this.#renew();
    if (isFirst) this.#refusalsCountUntil = Math.max(this.#options.now(), this.#refusalsCountUntil) + refusalPauseMs;
    return renewed.identity !== identity;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('The signer is closed.'));
    clearTimeout(this.#timer);
    await this.#flight?.catch(() => undefined);
  }

  /** The one flight; in the pause after a failure, that failure. */
  #renew(): Promise<Held> {
    if (this.#flight) return this.#flight;
    if (this.#closing.signal.aborted) return Promise.reject(identityRefused(`${this.#source.name}: closed.`));
    if (this.#failure && this.#options.now() < this.#failure.retryAt) return Promise.reject(this.#failure.error);
    this.#flight = this.#obtain().finally(() => {
      this.#flight = null;
      this.#setTimer();
    });
    return this.#flight;
  }

  /** Nobody waits for it. Its failure is in the log. */
  #renewBehind(): void {
    this.#renew().catch(() => undefined);
  }

  async #obtain(): Promise<Held> {
    const { log, now, random } = this.#options;
    const { name, renewal, whenExpired } = this.#source;
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(obtainLimitMs)]);
      const obtained = await this.#source.obtain(signal);
      const lifeMs = obtained.expiresAt - now();
      if (lifeMs <= 0) throw identityRefused(`${name}: the token has expired. ${whenExpired}`);
      const isNew = obtained.identity !== this.#held?.identity;
      const waitMs = renewal === 'early' ? lifeMs * (0.75 + 0.1 * random()) : lookAgainMs;
      const held = { ...obtained, renewAt: now() + waitMs };
      if (isNew) log.info({ identity: name, expiresAt: dateOf(held.expiresAt) }, 'identity obtained');
      this.#held = held;
      this.#failure = null;
      return held;
    } catch (cause) {
      const error = cause instanceof ProviderError ? cause : identityRefused(`${name}: it cannot be used.`, cause);
      const count = (this.#failure?.count ?? 0) + 1;
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(count - 1, 10)) * (0.75 + 0.5 * random());
      this.#failure = { error, count, retryAt: now() + pauseMs };
      if (!this.#closing.signal.aborted) {
        const validUntil = this.#held && dateOf(this.#held.expiresAt);
        log.warn({ identity: name, err: error, validUntil, retryInMs: Math.round(pauseMs) }, 'identity not renewed');
      }
      throw error;
    }
  }

  /** For the next renewal, or the next try. Once the token has expired only requests try. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    const held = this.#held;
    if (!held || this.#source.renewal !== 'early' || this.#closing.signal.aborted) return;
    const at = this.#failure?.retryAt ?? held.renewAt;
    const now = this.#options.now();
    if (at >= held.expiresAt) return;
    this.#timer = setTimeout(
      () => {
        if (this.#options.now() >= at) this.#renewBehind();
        else this.#setTimer();
      },
      Math.min(Math.max(at - now, 0), longestTimerMs),
    );
    this.#timer.unref();
  }
}

function dateOf(epochMs: number): string | null {
  return Number.isFinite(epochMs) ? new Date(epochMs).toISOString() : null;
}
