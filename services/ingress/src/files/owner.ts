import type { Authenticated } from '../auth/authenticated.ts';

/**
 * The owner of a caller's files and batches: `team:<id>`, shared by all keys of the team; for a key without a team
 * `key:<its first hash>`, which a regenerated key keeps; `operator` for the master key.
 */
export function ownerOf({ key }: Pick<Authenticated, 'key'>): string {
  if (key === null) return 'operator';
  return key.teamId === null ? `key:${key.firstHash ?? key.hash}` : `team:${key.teamId}`;
}
