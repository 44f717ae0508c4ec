/**
 * What admission's counters say, for whoever holds them against the books. Not on any request's path: a reading may
 * take seconds.
 */
export interface AdmissionWitness {
  /** The counters live and end with a process, which began then, epoch ms; null: they outlive processes. */
  readonly startedAt: number | null;

  /** Of these UTC days (`YYYY-MM-DD`) the ones on which a call was admitted in this life of the counters. */
  days(days: readonly string[]): Promise<readonly WitnessDay[]>;

  /** Reservations that there are now, of calls that are counted. One that begins or ends meanwhile may be missed. */
  openCalls(): Promise<readonly OpenCall[]>;

  /**
   * Calls that are booked, and of whose booking admission may not have heard: their reservations end, and their
   * accounts are read from the books before the next decision. At most a thousand. Calls that have ended are ignored.
   * @returns how many had not ended
   */
  endBooked(callIds: readonly string[]): Promise<number>;

  /** Calls that ended by time and have a row all the same: news of their booking was lost. At most a thousand. */
  noteBooked(callIds: readonly string[]): Promise<void>;

  /** The keys of all accounts that have counters, a page at a time. */
  accountKeys(): AsyncIterable<readonly string[]>;

  /** Each account at one moment; those without settled sum, which are read from the books when next asked, are left out. */
  counters(accountKeys: readonly string[]): Promise<readonly AccountCounters[]>;

  /**
   * Makes admission forget an account's sums, so that its next decision reads the books and counts the reservations.
   * @returns false when they have changed since they were read: then nothing was done
   */
  forget(counters: AccountCounters): Promise<boolean>;
}

export interface WitnessDay {
  readonly day: string;
  /** Names a life of the counters: another one means that they were lost in between. */
  readonly epoch: string;
  readonly admitted: number;
  /** Ended by a row in the books. */
  readonly booked: number;
  /** Given back before anything was used, without a row so far. */
  readonly voided: number;
  /** Ended by time, without a row so far. */
  readonly expired: number;
  /** The last of the expired ones, at most a thousand; some of them may have been booked since. */
  readonly lastExpired: readonly ExpiredCall[];
}

export interface OpenCall {
  readonly callId: string;
  /** Of its admission, `YYYY-MM-DD`. */
  readonly day: string;
}

export interface ExpiredCall {
  readonly callId: string;
  readonly reservedNanoUsd: number;
  /** The call was over and this its cost; else the most it could have been. */
  readonly costKnown: boolean;
}

export interface AccountCounters {
  readonly accountKey: string;
  readonly settledNanoUsd: number;
  readonly version: number;
  readonly reservedNanoUsd: number;
  readonly parallel: number;
  readonly settledTokens: number;
  readonly reservedTokens: number;
  /** What the account's reservations add up to; null: too many to be counted in one step. */
  readonly counted: Pick<AccountCounters, 'reservedNanoUsd' | 'reservedTokens' | 'parallel'> | null;
}
