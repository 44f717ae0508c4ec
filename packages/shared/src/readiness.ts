/** Whether a process can do its job, part by part: `ok`, or what is wrong. */
export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string>>;
}

/** Rejects when the part is out of reach; has its own time limit. By the name that operators know the part by. */
export type Pings = Readonly<Record<string, () => Promise<unknown>>>;

/** Asks every part at once. Each ping has its own time limit, so this does too. */
export async function checkReadiness(pings: Pings): Promise<Readiness> {
  const entries = await Promise.all(
    Object.entries(pings).map(async ([name, ping]) => {
      try {
        await ping();
        return [name, 'ok'] as const;
      } catch {
        return [name, 'unavailable'] as const;
      }
    }),
  );
  return { ready: entries.every(([, state]) => state === 'ok'), parts: Object.fromEntries(entries) };
}
