import { setTimeout as pause } from 'node:timers/promises';

/** Something that a test plays takes so long: a provider's answer, a client that comes back when it was told to. */
export async function takes(ms: number): Promise<void> {
  await pause(ms);
}
