import type { Authenticated } from '../auth/authenticated.ts';

/**
 * Whose the files and batches of a caller are: `team:<id>`, shared by all keys of the team; for a key without one
 * `key:<its first hash>`, so that a key which is made anew still has them; `operator` for the master key.
 */
export function ownerOf({ key }: Pick<Authenticated, 'key'>): string {
  if (key === null) return 'operator';
  return key.teamId === null ? `key:${key.firstHash ?? key.hash}` : `team:${key.teamId}`;
}
