/** Whether a process can do its job, part by part: `ok`, or what is wrong. */
export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string>>;
}

/** Rejects when the part is out of reach; has its own time limit. By the name that operators know the part by. */
export type Pings = Readonly<Record<string, () => Promise<unknown>>>;

/**
 * Asks every part at once. Each ping has its own time limit, so this does too.
 * @param told parts without which the process can do most of its job: it is ready without them, and says how they are
 */
export async function checkReadiness(needed: Pings, told: Pings = {}): Promise<Readiness> {
  const entries = await Promise.all(
    Object.entries({ ...needed, ...told }).map(async ([name, ping]) => {
      try {
        await ping();
        return [name, 'ok'] as const;
      } catch {
        return [name, 'unavailable'] as const;
      }
    }),
  );
  const isReady = entries.every(([name, state]) => state === 'ok' || Object.hasOwn(told, name));
  return { ready: isReady, parts: Object.fromEntries(entries) };
}
