import type { Cooldown, CooldownStore } from '../../ports/cooldown-store.ts';

const minuteMs = 60_000;
/** Ids come from the configuration and from names that clients choose for wildcards: the oldest are forgotten. */
const deploymentsMax = 10_000;

/** Failures and cooldowns within one process. */
export function createMemoryCooldownStore(): CooldownStore {
  const listeners = new Set<(cooldown: Cooldown) => void>();
  const cooled = new Map<string, number>();
  const recent = new Map<string, { failures: number; until: number }>();
  let minute = 0;
  let counts = new Map<string, { requests: number; failures: number }>();

  return {
    async count(deploymentId, { requests, failures }, { now, windowMs }) {
      const current = Math.floor(now / minuteMs);
      if (current !== minute) counts = new Map();
      minute = current;
      const before = counts.get(deploymentId) ?? { requests: 0, failures: 0 };
      const counted = { requests: before.requests + requests, failures: before.failures + failures };
      put(counts, deploymentId, counted);
      if (failures === 0) return { ...counted, recentFailures: 0 };
      const run = recent.get(deploymentId);
      const recentFailures = (run && run.until > now ? run.failures : 0) + failures;
      put(recent, deploymentId, { failures: recentFailures, until: now + windowMs });
      return { ...counted, recentFailures };
    },
    async coolDown({ deploymentId, until }, now) {
      const known = cooled.get(deploymentId) ?? 0;
      if (until <= now || known >= until) return;
      put(cooled, deploymentId, until);
      for (const listener of listeners) listener({ deploymentId, until });
    },
    async watch(listener, now) {
      for (const [deploymentId, until] of cooled) if (until > now()) listener({ deploymentId, until });
      const own = (cooldown: Cooldown) => listener(cooldown);
      listeners.add(own);
      return { [Symbol.asyncDispose]: async () => void listeners.delete(own) };
    },
    [Symbol.asyncDispose]: async () => listeners.clear(),
  };
}

/** The latest written stay. */
function put<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  const [oldest] = map.keys();
  if (map.size > deploymentsMax && oldest !== undefined) map.delete(oldest);
}
