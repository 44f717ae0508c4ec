/** What one call came to, as far as choosing between deployments goes. */
export interface CallSample {
  readonly stream: boolean;
  /** Milliseconds to the first content of a stream, else to the end. */
  readonly latencyMs: number;
  /** Of the whole call, input included. */
  readonly tokens: number;
  readonly outputTokens: number;
  /** Its latency says something: it was answered, or waited for in vain. */
  readonly measured: boolean;
}

/** What this worker has seen of its deployments, and of what all workers use of them where that is counted. */
export interface DeploymentStats {
  /** A call begins; what comes back is called once, when it has ended. */
  begin(id: string): (sample: CallSample) => void;
  inFlight(id: string): number;
  /**
   * Tokens that all workers have used, in the minute that began with their first call, as of this worker's last call
   * there; where nobody has told them, those of this worker's calls that ended in the current minute.
   */
  tokensThisMinute(id: string): number;
  /** What all workers have used, running calls as estimated. @param endsAt when their minute ends, epoch ms */
  tellTokens(id: string, used: { tokens: number; endsAt: number }): void;
  /** A call that was told of has used so many tokens more than estimated, or fewer. */
  correctTokens(id: string, by: number): void;
  /**
   * A moving average: milliseconds to the first content of streams, else per token of output. null: nothing is known,
   * or nothing newer than the time for which a latency counts.
   */
  latency(id: string, stream: boolean): number | null;
}

interface Seen {
  inFlight: number;
  minute: number;
  tokens: number;
  told: { tokens: number; readonly endsAt: number } | null;
  readonly latencies: Map<boolean, { average: number; at: number }>;
}

/** Clients choose how many models a wildcard has: the latest used are kept. */
const deploymentsMax = 10_000;
/** The share of the newest latency in the average. */
const newestShare = 0.3;
const minuteMs = 60_000;

export function createDeploymentStats(options: { now: () => number; latencyTtlMs: number }): DeploymentStats {
  const { now, latencyTtlMs } = options;
  const all = new Map<string, Seen>();

  return {
    begin(id) {
      const seen = keep(id);
      seen.inFlight += 1;
      return (sample) => {
        seen.inFlight -= 1;
        const minute = minuteOf(now());
        seen.tokens = (seen.minute === minute ? seen.tokens : 0) + sample.tokens;
        seen.minute = minute;
        if (sample.measured) note(seen, sample);
      };
    },
    inFlight: (id) => all.get(id)?.inFlight ?? 0,
    tokensThisMinute(id) {
      const seen = all.get(id);
      if (seen?.told && now() < seen.told.endsAt) return seen.told.tokens;
      return seen?.minute === minuteOf(now()) ? seen.tokens : 0;
    },
    tellTokens(id, used) {
      keep(id).told = { ...used };
    },
    correctTokens(id, by) {
      const told = all.get(id)?.told;
      if (told) told.tokens = Math.max(0, told.tokens + by);
    },
    latency(id, stream) {
      const known = all.get(id)?.latencies.get(stream);
      return known && now() - known.at < latencyTtlMs ? known.average : null;
    },
  };

  function keep(id: string): Seen {
    const seen = all.get(id) ?? { inFlight: 0, minute: 0, tokens: 0, told: null, latencies: new Map() };
    all.delete(id);
    all.set(id, seen); // last: the least recently used is first
    if (all.size > deploymentsMax) {
      const [oldest] = all.keys();
      if (oldest !== undefined) all.delete(oldest);
    }
    return seen;
  }

  function note(seen: Seen, { stream, latencyMs, outputTokens }: CallSample): void {
    const latency = stream ? latencyMs : latencyMs / Math.max(1, outputTokens);
    const known = seen.latencies.get(stream);
    const isFresh = known && now() - known.at < latencyTtlMs;
    const average = isFresh ? known.average + newestShare * (latency - known.average) : latency;
    seen.latencies.set(stream, { average, at: now() });
  }
}

function minuteOf(ms: number): number {
  return Math.floor(ms / minuteMs);
}
