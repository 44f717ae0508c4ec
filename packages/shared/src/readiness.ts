/** Whether a process can do its job, part by part: `ok`, or what is wrong. */
export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string>>;
}

/**
 * Asks every part at once. Each ping has its own time limit, so this does too.
 * @param pings by the name that operators know the part by
 */
export async function checkReadiness(pings: Readonly<Record<string, () => Promise<unknown>>>): Promise<Readiness> {
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
