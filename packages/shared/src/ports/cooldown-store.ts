/**
 * What all workers together know of deployments that fail, and which of them are to be left alone. Nothing here is
 * worth stopping a call for: while the store is away, nobody hears of new cooldowns.
 */
export interface CooldownStore extends AsyncDisposable {
  /**
   * Counts calls that have ended, in the minute of `now`.
   *
   * @param windowMs how long a failure counts as recent after the one before it
   * @throws GatewayError dependency_unavailable, soon; the calls may have been counted
   */
  count(deploymentId: string, calls: EndedCalls, at: { now: number; windowMs: number }): Promise<FailureCounts>;

  /** Tells every watcher within 100 ms, unless the deployment is cooled down for at least as long already. */
  coolDown(cooldown: Cooldown, now: number): Promise<void>;

  /**
   * Calls `listener` with each cooldown from now on, and first with those that hold at `now()`. What is missed while
   * the store is away is told when it is back. Some may be told twice.
   */
  watch(listener: (cooldown: Cooldown) => void, now: () => number): Promise<AsyncDisposable>;
}

export interface EndedCalls {
  readonly requests: number;
  /** How many of the requests failed. */
  readonly failures: number;
}

export interface FailureCounts extends EndedCalls {
  /** The run of failures up to now, each of which came within the window of the one before. */
  readonly recentFailures: number;
}

export interface Cooldown {
  readonly deploymentId: string;
  /** Epoch milliseconds. */
  readonly until: number;
}
